// The JSON that each node of a tree yields, before anybody is asked for it. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "query/error.hpp"
#include "query/grammar/query.hpp"
#include "query/resolve/read_tree.hpp"

namespace shardplex {

struct RowMember;

/// `count` is count(), as it was before there were aggregates, where no column has that name: PostgreSQL
/// takes it for a function of the row. So it stands alone, since nothing is grouped by for it, and whether
/// there may be aggregates is not asked.
bool is_bare_count(const SelectItem& item, const Table& table);

/// In PostgreSQL's words (42803).
Error not_grouped_by(std::string_view table, std::string_view column);

/// The node's select list, each * as the columns that it stands for, and a bare count as count().
std::vector<SelectItem> own_items(const ResolvedNode& node);

/// One row as a JSON object. Names may repeat: PostgreSQL prints both members, and so does PostgREST in a row
/// of its own; of what is embedded, which it casts to jsonb, it shows the last.
struct RowShape {
  std::vector<RowMember> members;  ///< the node's columns as asked, * in its place, then its embeds as asked
  /// Rows are grouped: by every member that is no aggregate, of which there may be none (one row then).
  bool grouped = false;
};

/// One member of a row.
struct RowMember {
  enum class Kind : std::uint8_t {
    value,    ///< `item` of `node`
    object,   ///< the row of an embed to one, or null
    objects,  ///< the rows of an embed to many, in an array that may be empty
  };

  std::string name;
  Kind kind = Kind::value;
  /// The node that the value is of, which is another than the row's where it comes out of a spread; of an
  /// embed, the embed's.
  const ResolvedNode* node = nullptr;
  SelectItem item;  ///< of a value; of one column where it stands for *
  RowShape row;     ///< of an embed
  /// Through how many spreads to many it came. Each makes an array of it, a value for each of its rows.
  std::size_t in_arrays = 0;
};

/// The shape of the node's rows. Embeds that show nothing have no member: rel(), and rel(other()). Columns
/// that a spread shows are the row's own, and its aggregates aggregate the row's group.
///
/// 42702 for a spread that shows one name twice, which PostgREST then cannot tell apart; PGRST127 for an
/// aggregate inside a spread to many; 42803 for a bare count beside anything else, SHARD400 for one inside a
/// spread, where it is about other rows than count() there. Lifetime: refers to the node.
Result<RowShape> row_shape(const ResolvedNode& node);

}  // namespace shardplex
