// select=: the columns, aggregates and embeds of a tree.
#pragma once

#include <cstddef>

#include "query/grammar/parse.hpp"
#include "query/grammar/query.hpp"
#include "query/grammar/reader.hpp"

namespace shardplex::grammar {

/// Reads the whole of one select= and holds its embeds to the limits. Lifetime: refers to the limits.
class SelectReader {
 public:
  explicit SelectReader(const ParseLimits& limits) : limits_(limits) {}

  /// member,member,… up to the end of the text, into the root's select and embeds.
  bool read(Reader& in, ReadNode& root) { return read_members(in, 0, root); }

 private:
  /// Of an embed (depth > 0) up to its closing bracket, and there may be none.
  bool read_members(Reader& in, std::size_t depth, ReadNode& node);
  bool read_member(Reader& in, std::size_t depth, ReadNode& node);
  /// What follows the name: [!hint][!inner|!left](member,…)
  bool read_embed(Reader& in, std::size_t depth, Embed embed, ReadNode& node);

  const ParseLimits& limits_;
  std::size_t embeds_ = 0;
};

}  // namespace shardplex::grammar
