// Reads whose rows have rows of other shards inside them, or are chosen by those: what is looked up, and how.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "query/engine/lookup_join.hpp"
#include "query/engine/sorted_page.hpp"
#include "query/plan/call_source.hpp"
#include "query/plan/cursor_page.hpp"
#include "query/plan/plan.hpp"

namespace shardplex {

struct Lookup;

/// The rows of one node of a tree: what is asked of their own shards, and what is looked up for them.
struct NodeRead {
  ReadPlan scan;
  JoinPlan join;
  std::vector<Lookup> lookups;  ///< as join.embeds

  /// The members of each row, in their order.
  struct Member {
    std::string name;
    bool in_lines;  ///< EmbedShape::in_lines
  };
  std::vector<Member> members;
  bool can_be_at_fault = false;  ///< whatever rows there are: by values, types or operators of the client's
  std::optional<CursorPlan> page = std::nullopt;  ///< where NodeRules::page is
  /// Set where the order is by what is looked up as well: the rows are put in order once it is there. The
  /// page is still to be set.
  std::optional<SortPlan> sort = std::nullopt;
};

/// Where the rows that a key finds can be. Lifetime: refers to the map.
struct LookupPlace {
  GroupId id;
  const Group* group;
  SlotSet within;  ///< whatever the key
  /// Which of a key's values are the columns of the group's key, in the order of these, of what types; none
  /// where they are not all among them.
  std::vector<std::size_t> key;
  std::vector<KeyType> key_types;
  std::optional<std::size_t> list_value;  ///< which of them its list's is; nullopt: none of them

  SlotSet slots(const std::vector<std::string>& key_values) const;
};

/// A lookup the other way round: which keys its rows have, for parents that are kept only where it finds any.
struct KeysFirst {
  std::vector<std::string> texts;  ///< of the columns that its keys are compared with, as text, in SQL
  std::vector<std::string> types;  ///< of the same
  std::string join;                ///< a condition of all of its rows; "" for none
  std::vector<std::string> parent_columns;  ///< that have those values, in SQL
  std::optional<LookupPlace> parent_place;  ///< where the rows are that have them; nullopt: on any shard
  /// With more keys than these it is not tried: the parents are then looked through.
  static constexpr std::size_t most = 10'000;
};

/// An embed whose rows are found by the keys of the rows that it is in, wherever they are. One statement a
/// shard asks for those of many keys at once.
/// The results are those of `rows.scan`, whose first sort key is the number of the key (int4); the rows come
/// key by key, and of one key in the order that was asked for.
///
/// Rows that are groups are those of the rows of one key. Where several shards may have parts of them, each
/// is asked for its parts, and any one shard makes the groups of these (group_states.hpp).
struct Lookup {
  NodeRead rows;
  std::optional<LookupPlace> place;       ///< nullopt: any shard can answer
  std::vector<std::string> key_types;     ///< of the key's columns, in SQL
  bool names_types = false;               ///< among these are others than PostgreSQL's own
  std::string keys_alias, key_condition;  ///< which rows the key x0, x1, … of keys_alias finds
  std::optional<KeysFirst> keys_first;    ///< nullopt: they cannot be asked for
  /// No order is needed among the rows that one key finds on several shards. Of groups: one shard has all of
  /// a key's.
  bool merges_by_number = false;
  /// So many of the rows' keys, the last, are what the rows that they belong to are ordered by.
  std::size_t sort_keys = 0;
  /// Set of many to many relations where the rows are not beside the junction's: finds the keys of this
  /// lookup, in related, by those of its parent's rows. The page is then `junction_page`, for the rows of
  /// each of the parent's keys; join.page is not limited.
  std::shared_ptr<const Lookup> junction;
  RowPage junction_page;

  /// Each key finds something, also where it has no rows, or is null: their one group.
  bool gives_every_key() const { return rows.scan.groups && rows.scan.groups->one; }
  /// The rows are groups of which several shards may have parts, where they are asked for by several.
  bool shares_groups() const { return rows.scan.states && place && !merges_by_number; }
  /// The slots in which the key, one of LookupKeys, finds what it finds. A key that finds something in any
  /// case has to be asked for somewhere. Precondition: there is a place.
  SlotSet slots(const std::vector<std::string>& key) const;

  /// Asks for the rows of the keys with these numbers; of groups, for those of the shard's own rows.
  Statement statement(const ReadPlan::ForShard& shard, const LookupKeys& keys,
                      const std::vector<std::uint32_t>& numbers) const;
  /// Asks for a shard's parts of groups, as partial_groups() does. Precondition: the rows are groups.
  Statement partial_statement(const ReadPlan::ForShard& shard, const LookupKeys& keys,
                              const std::vector<std::uint32_t>& numbers) const;
  /// Asks for the keys of all rows, each once: one more than KeysFirst::most at most. Precondition: there is
  /// keys_first.
  Statement keys_statement(const ReadPlan::ForShard& shard) const;
  /// What the rows of so many shards are merged by.
  std::vector<MergeKey> merge_keys(std::size_t shards) const;
};

/// How a node is to be planned.
struct NodeRules {
  enum class Rows : std::uint8_t {
    root,      ///< without a select they have all columns
    embedded,  ///< objects
    spread,    ///< RowText::of_values()
  };
  Rows rows = Rows::root;
  bool numbered = false;     ///< the first sort key is the number of a key: the node is a lookup's
  bool under_epoch = false;  ///< the statement has an epoch: where it is asked of a sharded table
  bool counts = false;
  bool bytewise_default_collation = true;
  RowFormat format = RowFormat::json;  ///< of the root; whatever is embedded is JSON
  const CursorPage* page = nullptr;    ///< of a root that check_page() lets be paged by cursor
  const CallSource* call = nullptr;    ///< where the rows are a function's, of the table's columns
  /// What is a key of the rows of a lookup to one as well, behind the others (Lookup::sort_keys).
  std::vector<SelectItem> sorted_by = {};
  /// The rows can be put in order by what is looked up for them (NodeRead::sort).
  bool sorts_later = true;
};

/// Plans a node and all that is below it. `routed` is its table. Errors: those of plan_read(); SHARD400 for
/// what cannot be looked up, and where the rows of a node that looks rows up are grouped: by aggregates of
/// its own or of its spreads. Lifetime of the result: refers to the map.
Result<NodeRead> plan_node(const ResolvedNode& tree, const RoutedTable& routed, const NodeRules& rules);

/// plan_node() of the root of a tree.
Result<NodeRead> plan_root(const ResolvedNode& tree, const RoutedTable& routed, bool count_exact,
                           bool bytewise_default_collation, RowFormat format = RowFormat::json,
                           const CursorPage* page = nullptr, const CallSource* call = nullptr);

/// Plans an embed that is not wholly local, of rows of `parent`. `sorted_by`: ordered_items() of it, where
/// the rows are put in order later; SHARD400 for one whose order the router does not know.
Result<Lookup> plan_lookup(const ResolvedEmbed& embed, const RoutedTable& parent,
                           bool bytewise_default_collation, const std::vector<SelectItem>& sorted_by = {});

/// What the rows of an embed become in those they belong to; `before` is still to be set.
EmbedShape shape_of(const ResolvedEmbed& embed, const NodeRead& rows);

/// The columns of the parent's rows that a lookup's keys are made of.
std::vector<std::string> key_columns_of(const Relation& relation);

/// A column's value as a text that PostgreSQL reads as the same value on any server; `value` is an expression
/// of the column's type. SHARD400 for a type of which that is not sure.
Result<std::string> key_text_sql(const Column& column, const std::string& value);

}  // namespace shardplex
