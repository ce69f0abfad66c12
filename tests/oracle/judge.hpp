// Whether several shards, one shard and one PostgreSQL say the same.
#pragma once

#include <cstdint>
#include <string>

#include "tests/integration/cluster.hpp"
#include "tests/integration/request_generator.hpp"

namespace shardplex::oracle {

enum class Verdict : std::uint8_t {
  right,
  refused,  ///< by the router, with SHARD400, over several shards or over one; else it was right
  wrong,
};

struct Judgement {
  Verdict verdict = Verdict::right;
  std::string why;      ///< of a wrong one, for people
  std::string refusal;  ///< of a refused one: why
};

/// Whether the router refused what it could not do over shards (SHARD400), and why: its details.
bool is_refusal(const integration::HttpResponse& answer);
std::string reason_of(const integration::HttpResponse& refusal);

/// The members of an answer's head in which two routers may not differ, where both give rows; "" where they
/// do not, else what does, for people.
std::string difference_of_heads(const integration::HttpResponse& over_shards,
                                const integration::HttpResponse& over_one);

/// `database` has all rows. A refusal that the generator expects may be missing: what is answered in its
/// place has to be right.
Judgement judge(integration::Database& database, integration::ReadRequest read,
                const integration::HttpResponse& over_shards, const integration::HttpResponse& over_one);

}  // namespace shardplex::oracle
