// Query + catalogue → what each shard is asked, and how the answers become one. Pure: no I/O, clock or log.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "query/catalogue/routed_table.hpp"
#include "query/engine/row_text.hpp"
#include "query/engine/sort_key.hpp"
#include "query/error.hpp"
#include "query/grammar/preferences.hpp"
#include "query/grammar/query.hpp"
#include "query/plan/route.hpp"
#include "query/plan/sql.hpp"
#include "query/resolve/read_tree.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex {

/// How many rows a write may touch. One that touches fewer or more fails, and nothing of it is kept.
struct RowBounds {
  std::uint64_t least = 0;
  std::optional<std::uint64_t> most;  ///< nullopt: any number
  bool operator==(const RowBounds&) const = default;
};

/// What is known of a write beside the request's own words.
struct WriteRules {
  RowBounds bounds = {};
  RowFormat format = RowFormat::json;  ///< of what is returned
  bool bytewise_default_collation = true;
  bool one_default_collation = true;  ///< Catalogue::one_default_collation
};

struct NodeRead;

/// A read of one table, ready for any number of shards.
/// Every statement's result has, in binary format: the columns that `row` is written from; then those merge
/// keys that are not among them; then, where there is an enums_sql, whether the shard's enums are those that
/// were planned for (boolean, the same in each row); then, where `counts`, the total number of rows matching
/// the filters on that shard (bigint, the same in each row; a shard that returns no row has a total of 0).
class ReadPlan {
 public:
  /// How the statement for one shard is to be limited.
  struct ForShard {
    std::optional<Epoch> epoch;      ///< nullopt: reference table, no ownership check
    bool only_owned = false;         ///< add the owned-slot filter (Target::clean is false)
    bool alone = false;              ///< the only shard asked: it may apply the offset itself (unless counts)
    const SlotSet* slots = nullptr;  ///< non-null: `in` lists on the key are cut to the keys of these slots
    std::optional<std::uint64_t> at_most =
        std::nullopt;  ///< ask for no more rows than this, though more may be needed
  };
  Statement statement(const ForShard& shard) const;
  /// One row, one column: the number (bigint) of the answer's rows, which may be groups, ignoring limit and
  /// offset, but at most `at_most`.
  Statement count_up_to(const ForShard& shard, std::uint64_t at_most) const;
  /// The same of the rows that match, whatever groups are made of them: what counts mean.
  Statement count_matching_up_to(const ForShard& shard, std::uint64_t at_most) const;
  /// One row, one column: what PostgreSQL's planner expects of the rows that match, as planned_rows() reads
  /// it. Statistics know nothing of epochs and of which slots are owned, so it does not ask for them.
  Statement explain_matching(const ForShard& shard) const;
  /// " FROM … WHERE …" of the rows that match on one shard, with the parameters of the whole plan.
  Statement matching(const ForShard& shard) const;
  /// LIMIT and OFFSET for one shard: its own rows from the first on, unless it applies the offset itself.
  void append_page(Statement& statement, const ForShard& shard) const;
  /// The columns of a result, over a subquery q of the inner ones; without the total.
  std::string columns_sql() const;

  RowText row;
  std::vector<MergeKey> keys;            ///< the order of the answer, primary key last; direction included
  std::vector<std::size_t> key_columns;  ///< of each of the keys: its column in a result
  std::optional<Error>
      not_mergeable;    ///< set where rows of several shards cannot be put in order: the refusal
  bool counts = false;  ///< a total was asked for (count=exact)
  /// SQL, "" without a key that is an enum: true where these keys are of the types, and these have the labels
  /// in the order, by which the answers will be merged.
  std::string enums_sql;
  /// How many columns a result has, and which one enums_sql is.
  std::size_t result_columns() const { return related_column() + related.size() + (counts ? 1 : 0); }
  std::size_t enums_column() const { return row.fields().size() + own_keys.size(); }
  std::size_t related_column() const { return enums_column() + (enums_sql.empty() ? 0 : 1); }
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> limit;
  /// Rows will be left out, or put in order, by what other shards hold: the page is cut out afterwards.
  bool page_later = false;
  bool offset_applied(const ForShard& shard) const {
    return shard.alone && !counts && !page_later;
  }  ///< by the shard itself

  /// Rows that are groups of others. SQL over a subquery p of those, whose columns are `inner_columns`.
  struct Groups {
    std::string columns;  ///< p.g0 AS c0, count(*) AS c1, …
    std::string by;       ///< " GROUP BY p.g0", or what makes one group of all rows
    bool one = false;     ///< there is one group, whatever rows there are; of a lookup, one of each key
  };
  std::optional<Groups> groups;
  /// Set where several shards may have parts of one group. What one shard has of it are the values that it is
  /// grouped by and states of its aggregates; all of them travel as texts (group_states.hpp).
  struct GroupStates {
    std::size_t count = 0;   ///< keys and states
    std::string columns;     ///< over p: the text of each
    std::string as_planned;  ///< over p: whether they are of the types that were planned for; "": always
    std::string labels;      ///< whether enums have the labels that were planned for; "": there are none
    std::string values;      ///< over u(t0, t1, …), the texts: CAST(u.t0 AS …) AS g0, …, … AS s0, …
    std::string final_columns;  ///< over these values as p: what groups.columns are over the rows
    /// Set where the answer depends on the databases' default collation: the refusal, where that differs.
    std::optional<Error> by_default_collation;
  };
  std::optional<GroupStates> states;

  // The pieces statement() puts together, in SQL; $1 is the epoch wherever one is sent, parameters follow
  // from $2.
  struct KeyList {
    std::size_t param;
    std::vector<std::pair<Slot, std::string>> keys;
  };                  ///< param: index into params
  std::string from;   ///< "public"."movies" AS "movies"
  std::string joins;  ///< what embeds join to the rows of the page (EmbedSql::joins)
  std::string inner_columns, values, where, order_by;
  std::vector<std::string> own_keys;  ///< the columns' names of keys that are not among the row's
  std::vector<std::string> related;   ///< Row::related, as text, over a subquery q of the inner columns
  std::string group;                  ///< the group's name; "" for reference tables
  std::string owned;                  ///< the owned-slot filter
  std::vector<std::optional<std::string>> params;
  std::size_t filter_params = 0;  ///< how many of them, from the first, belong to `where`
  std::optional<KeyList> key_list;
  /// Set where rows come from two places in the order: those that match `first` beside `where`, and behind
  /// all of these those that match `then`. Each is searched by itself, since no index is searched for both.
  struct TwoParts {
    std::string first, then;
    std::string order_by;  ///< over a subquery u of the inner columns of both
  };
  std::optional<TwoParts> parts;

  // Of a function's rows.
  std::string with;        ///< WITH …, which calls it; `from` reads what it gives
  bool read_only = false;  ///< Statement::read_only
  RowBounds bounds = {};   ///< of the page: sqlstate_row_bounds, as of a write
};

/// Checks columns, casts and operators against the catalogue and plans the read. `routed` is query.table.
/// Errors: 42703 unknown column (message as PostgreSQL's), SHARD400, PGRST1xx.
Result<ReadPlan> plan_read(const Query& query, const RoutedTable& routed, bool count_exact,
                           bool bytewise_default_collation, RowFormat format = RowFormat::json);

/// The same with embeds and aggregates, of a query that was resolved. SHARD400 where an embed leads to rows
/// that can be on other shards.
Result<ReadPlan> plan_read(const ResolvedNode& tree, const RoutedTable& routed, bool count_exact,
                           bool bytewise_default_collation, RowFormat format = RowFormat::json);

/// One row by its key alone: batched with others of the same shape into one `= ANY` statement.
/// Statement parameters: $1 epoch (absent for reference tables), $2 array literal of keys ($1 for reference
/// tables). Result columns, in binary format: the key as canonical text (text), then those that `row` is
/// written from.
struct PointShape {
  RowText row;
  std::string sql;
  std::string only_owned_sql;  ///< the same with the owned-slot filter
  KeyType key_type = KeyType::integer;
  bool operator==(const PointShape&) const = default;
};

/// The shape of GET /table?<key>=eq.X&select=…, where <key> is the single-column primary key of `table`, of a
/// type whose equal values print alike, and, for a sharded table, the column that its slot is hashed from.
/// Precondition: point_key() accepts the query.
Result<PointShape> plan_point(const std::vector<SelectItem>& select, const RoutedTable& routed,
                              RowFormat format = RowFormat::json);

/// The key text of `query` where it is a point read: exactly one filter, `eq` on the column plan_point()
/// speaks of, no quantifier or negation, offset 0, limit absent or > 0, no json path or cast in select
/// (they may fail), an order of any columns (one row needs none), a key in the range of its column. nullptr
/// otherwise.
const std::string* point_key(const Query& query, const RoutedTable& routed);

/// A key's text in the one form PostgreSQL prints ("007" → "7", a uuid in lower case with hyphens); of
/// numeric and citext, which print equal values as they were given, as it is. nullopt as canonical_bytes().
std::optional<std::string> canonical_text(KeyType type, std::string_view text);

/// A write on one table. A row that a trigger would put where nobody looks for it fails the statement
/// (sqlstate_misplaced). Result columns, in binary format, by `returns`:
///   nothing: the number of rows (bigint) where `reports_count`, otherwise nothing to read (the command tag
///   counts the rows touched); representation: the row as text of the format that was asked for; primary_key:
///   each primary key column as text. PUT adds a last column: boolean, true where the row was created. Other
///   columns are not to be read.
/// Representations come ordered by primary key for PATCH and DELETE, in body order for POST. Under row bounds
/// the statement itself raises sqlstate_row_bounds (shard_schema/sqlstates.hpp), with the number of rows as
/// its detail: of those written, or, of a representation that leaves some out, of the others.
struct WritePlan {
  enum class Returns { nothing, representation, primary_key } returns = Returns::nothing;
  std::string header;            ///< of a representation (RowText::header())
  bool reports_created = false;  ///< PUT
  bool reports_count = false;    ///< PATCH that returns nothing
  bool sets_nothing = false;     ///< a PATCH whose body has no column: no row is touched
  bool deletes = false;          ///< DELETE
  std::string table, group;      ///< group is "" for reference tables (which every shard must be asked for)
  std::optional<SlotSet> slots;  ///< the candidate slots; nullopt for reference tables
  /// Set under `list` where the row is named by its key, but not its list: ask each candidate shard `locate`
  /// (params and result: slots (integer) of the matching rows; $1 is the epoch), then pin the write to the
  /// slot found. Under PUT, no row found is `not_located`; under PATCH and DELETE it is an answer of no rows.
  std::optional<Statement> locate;
  std::optional<Error> not_located;
  /// Where the write changes the column a slot depends on: the row's slot afterwards. It has to be on the
  /// same shard.
  std::optional<Slot> new_slot;
  std::vector<std::string> primary_key_columns;
  std::size_t row_count = 0;  ///< POST: rows in the body

  /// The data-modifying statement. `pinned`: limit to this slot. `only_owned`: add the owned-slot filter. An
  /// INSERT chooses no rows and takes neither.
  Statement statement(std::optional<Slot> pinned, bool only_owned) const;

  // The pieces statement() puts together.
  Statement head;            ///< up to WHERE, with the parameters of the whole
  bool chooses_rows = true;  ///< false: an INSERT
  std::string where;         ///< the filters; "" where there are none
  std::string slot, owned;   ///< the slot column and the owned-slot filter; "" for reference tables
  std::string placed;        ///< true of a written row that is where it is looked for; "": always
  std::string tail;          ///< RETURNING and what wraps it

  // Of a representation.
  bool embeds = false;      ///< rows of other tables are in it, of which there may be any number
  bool leaves_out = false;  ///< the text of a row is null where !inner leaves it out
  /// Set where rows of other shards are in it, which are looked up when the write has been made. In place of
  /// the text a row has the columns of read->scan.
  std::shared_ptr<const NodeRead> read = nullptr;
};

/// A POST that is planned but for the keys which its rows came without. Lifetime: refers to the catalogue's
/// column and the map's group; the plan that with_keys() makes of it does not.
class InsertPlan {
 public:
  /// The column whose keys are missing; nullptr where none are.
  const Column* key_column() const { return key_column_; }
  /// How many keys have to be handed out.
  std::size_t missing_keys() const;

  /// The slot of the first row without a key, if it were given this one, in canonical text. Precondition: one
  /// is missing, and the table is not a reference table.
  Slot slot_with(const std::string& key) const;

  /// The plan whose rows without a key have these, in body order. Precondition: as many as are missing, each
  /// in canonical text.
  WritePlan with_keys(std::vector<std::string> keys) &&;

 private:
  friend Result<InsertPlan> plan_insert(const ResolvedNode& tree, const Query& query, std::string_view body,
                                        const Preferences& prefer, const RoutedTable& routed,
                                        const WriteRules& rules);
  WritePlan plan_;
  const Column* key_column_ = nullptr;
  // What with_keys() makes the slots of; nothing of it is set for a reference table.
  const Group* group_ = nullptr;
  std::vector<KeyType> key_types_;
  // By column, then by row; nullopt is missing, which none is of a key of several columns.
  std::vector<std::vector<std::optional<std::string>>> keys_;
  std::vector<std::optional<std::string>> lists_;  // by row under list: the list column's value
  std::size_t keys_param_ = 0, slots_param_ = 0;   // indices into the plan's parameters; of the first column

  Slot slot_at(std::size_t row) const;  // precondition: the row has its key
};

/// POST. `body` is JSON: an object or an array of objects with equal keys (PGRST102 otherwise). Routing
/// columns are taken out of the body and sent as the router read them, so that the stored slot is the stored
/// key's by construction. Rows without a key have to be given one; of a key of several columns none may be
/// missing (23502). Under list, a client's own key is refused (SHARD400). An empty array is a plan with no
/// slots.
Result<InsertPlan> plan_insert(const Query& query, std::string_view body, const Preferences& prefer,
                               const RoutedTable& routed, const RowBounds& bounds = {},
                               RowFormat format = RowFormat::json);
/// PATCH. The body is one object; an empty object changes nothing (a plan with empty `slots`, sets_nothing).
Result<WritePlan> plan_update(const Query& query, std::string_view body, const Preferences& prefer,
                              const RoutedTable& routed, const RowBounds& bounds = {},
                              RowFormat format = RowFormat::json);
/// DELETE.
Result<WritePlan> plan_delete(const Query& query, const Preferences& prefer, const RoutedTable& routed,
                              const RowBounds& bounds = {}, RowFormat format = RowFormat::json);
/// PUT: filters must be `eq` on exactly the primary key (PGRST105 otherwise), the body one object whose key
/// agrees (PGRST115); limit/offset are PGRST114. Columns not in the body get their defaults.
Result<WritePlan> plan_put(const Query& query, std::string_view body, const Preferences& prefer,
                           const RoutedTable& routed, const RowBounds& bounds = {},
                           RowFormat format = RowFormat::json);

/// The same of a query that was resolved, whose embeds are in what is returned. Where nothing of the rows is
/// returned, nothing is made of them. Errors: those of shown_rows() as well. Lifetime: the plans refer to
/// nothing of the tree.
Result<InsertPlan> plan_insert(const ResolvedNode& tree, const Query& query, std::string_view body,
                               const Preferences& prefer, const RoutedTable& routed, const WriteRules& rules);
Result<WritePlan> plan_update(const ResolvedNode& tree, const Query& query, std::string_view body,
                              const Preferences& prefer, const RoutedTable& routed, const WriteRules& rules);
Result<WritePlan> plan_delete(const ResolvedNode& tree, const Query& query, const Preferences& prefer,
                              const RoutedTable& routed, const WriteRules& rules);
Result<WritePlan> plan_put(const ResolvedNode& tree, const Query& query, std::string_view body,
                           const Preferences& prefer, const RoutedTable& routed, const WriteRules& rules);

}  // namespace shardplex
