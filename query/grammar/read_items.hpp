// The items of order and columns, and the numbers of limit and offset.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "query/grammar/query.hpp"
#include "query/grammar/reader.hpp"

namespace shardplex::grammar {

/// item,item,… up to the end of the text.
template <class Item>
bool read_items(Reader& in, bool (*read_item)(Reader&, Item&), std::vector<Item>& items) {
  do {
    if (!read_item(in, items.emplace_back())) return false;
    in.skip_blanks();
  } while (in.take(','));
  return in.expect_end("\",\" or end of input");
}

/// column[.asc|.desc][.nullsfirst|.nullslast], where embed(column) may stand for the column.
bool read_order_term(Reader& in, OrderTerm& term);

/// The whole text as a bigint: a limit or an offset.
bool read_row_number(Reader& in, std::int64_t& rows);

}  // namespace shardplex::grammar
