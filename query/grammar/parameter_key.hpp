// What the key of a query parameter names.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "query/grammar/query.hpp"
#include "query/grammar/reader.hpp"

namespace shardplex::grammar {

enum class Parameter : std::uint8_t {
  filter,  ///< of ParameterKey::field
  select,
  order,
  limit,
  offset,
  columns,
  on_conflict,
  and_,
  or_,
  not_and,
  not_or,
  after,
};

/// embed.embed.column->path, or embed.embed.order and so on.
struct ParameterKey {
  std::vector<std::string> path;  ///< names of embeds from the root down; empty: the request's own rows
  Parameter parameter = Parameter::filter;
  Field field;
};

/// The names that are no columns, where they are not in quotes, for saying what was probably meant.
extern const std::array<std::string_view, 11> reserved_names;

/// The whole key. A name in quotes is a column or an embed, whatever it says.
bool read_parameter_key(Reader& in, ParameterKey& key);

}  // namespace shardplex::grammar
