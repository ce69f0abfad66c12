// What the database exposes: tables, columns, types, keys. Read from the shards, an immutable value in the
// router.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "query/catalogue/view_query.hpp"
#include "query/error.hpp"
#include "shard_map/definitions.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex {

/// How values of a type compare, so that the router can merge as PostgreSQL sorts. Decoded from binary
/// format.
enum class SortKind : std::uint8_t {
  boolean,
  int2,
  int4,
  int8,
  oid,
  float4,
  float8,
  numeric,
  text,    ///< text, varchar, name: byte order, only where the collation is C, POSIX, C.UTF-8 or equals them
  bpchar,  ///< as text, trailing spaces ignored
  bytea,
  date,
  time,
  timetz,
  timestamp,
  timestamptz,
  interval,
  uuid,
  jsonb,        ///< by its members, and its texts by the default collation, as text. Never Column::sort
  enumeration,  ///< by Column::enum_labels order
  none,         ///< the router cannot reproduce this order
};

/// Casts WITH FUNCTION and AS IMPLICIT between a domain and json or text. PostgreSQL ignores them; PostgREST
/// shows and reads the domain's values by them (domain representations). Functions are as SQL names them,
/// "schema.name"; "" where there is no such cast.
struct Representations {
  std::string to_json;     ///< shows a value
  std::string from_json;   ///< reads one of a body
  std::string from_text;   ///< reads one of a filter
  std::string definition;  ///< of one shard: equal texts where these functions are defined alike
  std::string unsafe;      ///< one of them that is not IMMUTABLE; "" where there is none

  bool reads_values() const { return !from_json.empty() || !from_text.empty(); }
  bool operator==(const Representations&) const = default;
};

struct Column {
  std::string name;
  std::string type;              ///< format_type(): "bigint", "character varying(20)", "text[]"
  std::uint32_t type_oid = 0;    ///< of this shard's pg_type; built-in types agree on every shard
  std::string type_name;         ///< pg_type.typname: "int8", "varchar", "_text"
  std::string type_schema;       ///< "pg_catalog" for built-in types
  std::string base_type_name;    ///< of a domain: pg_type.typname of what it is made of in the end; else ""
  std::string base_type_schema;  ///< and that type's schema
  SortKind sort = SortKind::none;
  std::string
      collation;  ///< "" for types without; else a pg_collation name ("default" resolved to the database's)
  std::string collation_sql;            ///< how to say this collation in SQL; "" where it need not be said
  bool bytewise_collation = true;       ///< sorting text of this column is comparing its bytes; its locale
                                        ///< decides, as the name of a collation says nothing
  bool deterministic_collation = true;  ///< equality of text is equality of bytes
  bool not_null = false;
  bool has_default = false;  ///< default expression, identity or generated
  bool generated = false;  ///< GENERATED ALWAYS AS (…) STORED, or identity ALWAYS: clients cannot insert it
  bool identity_always = false;          ///< the latter: OVERRIDING SYSTEM VALUE stores it
  std::vector<std::string> enum_labels;  ///< in enumsortorder
  /// Of a combined catalogue: in what the shards contradict each other, so that whoever needs the column is
  /// refused; "" where they do not.
  std::string conflict;
  std::string comment;               ///< COMMENT ON COLUMN; "" without one
  std::string function_schema = {};  ///< of a computed column: where its function is; "" of any other
  bool is_citext = false;            ///< of the extension citext's type itself, wherever that was put
  /// Of a combined catalogue, where the column decides slots and is an enum: labels that not every shard has
  /// written down (labels_subject()). Rows must not be placed by them, as nobody would notice their renaming.
  /// Of views those that are written through have them.
  std::vector<std::string> unplaced_labels = {};
  Representations representations = {};  ///< of its domain

  bool is_computed() const { return !function_schema.empty(); }
  bool operator==(const Column&) const = default;
};

/// What a function does and depends on (pg_proc.provolatile).
enum class Volatility : std::uint8_t { immutable, stable, volatile_ };

/// A function whose one argument is a row of a table or view. Requests name it like a column; select=* and
/// writes leave it out.
struct ComputedColumn {
  Column column;  ///< its result, under the name of the function
  Volatility volatility = Volatility::volatile_;
  bool returns_set = false;
  std::string definition;    ///< of one shard: equal texts where it is defined alike
  std::string refused = {};  ///< of a combined catalogue: why it is not served; "" where it is
  std::string works = {};    ///< where it is refused: what would make it served
  bool operator==(const ComputedColumn&) const = default;
};

/// Which of the rows that a function of a row gives are shown.
enum class GivenRows : std::uint8_t {
  all,          ///< they are of a reference table
  of_own_slot,  ///< of the slot of the row that it is called with
  owned,        ///< of slots that the shard owns
};

/// A function whose one argument is a row of a table or view, and which gives rows of one. Requests embed by
/// its name.
struct ComputedRelation {
  std::string name;
  std::string function_schema;
  std::string foreign_table;  ///< whose rows it gives; "" where that was not read, and of an array of rows
  bool to_one = false;        ///< it says ROWS 1, or returns no set
  bool returns_set = false;
  Volatility volatility = Volatility::volatile_;
  std::string definition = {};  ///< of one shard: equal texts where it is defined alike
  // Of a combined catalogue:
  GivenRows given = GivenRows::all;
  std::string group = {};     ///< of `owned`: whose slots
  std::string conflict = {};  ///< in what the shards contradict each other; "" where they do not
  std::string refused = {};   ///< why it is not served; "" where it is
  std::string works = {};     ///< where it is refused: what would make it served

  bool is_served() const { return refused.empty() && conflict.empty(); }
  bool operator==(const ComputedRelation&) const = default;
};

/// A primary key or unique constraint (or unique index without predicate or expression).
struct UniqueConstraint {
  std::string name;
  std::vector<std::string> columns;
  bool index_only = false;  ///< made by CREATE UNIQUE INDEX: it keeps values apart and is no constraint
  bool operator==(const UniqueConstraint&) const = default;
};

struct ForeignKey {
  std::string name;
  std::vector<std::string> columns;
  std::string foreign_table;
  std::vector<std::string> foreign_columns;
  bool operator==(const ForeignKey&) const = default;
};

enum class TableKind : std::uint8_t { table, view, materialized_view };

/// A foreign key whose columns a view shows, as it relates the view: at its own end, at the end that it leads
/// to, or at both.
struct ShownKey {
  /// Of these tables and views; the name is the constraint's. The slot column is in none.
  ForeignKey key;
  bool is_unique = false;  ///< in the table that has the key: its rows are one to one with those it leads to
  bool has_several = false;       ///< a row of that table may be in several rows here, which is a view
  bool leads_to_several = false;  ///< and a row that the key leads to in several rows of the view there
  bool operator==(const ShownKey&) const = default;
};

/// The table that a view's rows are written to, as PostgreSQL writes through the view.
struct WrittenTable {
  std::string schema, name;              ///< as the shards have them
  KeyNames key;                          ///< the shard key, as it is called there
  std::vector<std::string> primary_key;  ///< of the table, by its own names
  bool operator==(const WrittenTable&) const = default;
};

/// In catalogues that are not of one schema (catalogue_of_schema()) tables, views and functions have the
/// names that a shard map has for them (shard_map/map_name.hpp), and are referred to by these.
struct Table {
  std::string schema = "public";
  std::string name;
  std::vector<Column> columns;           ///< in attnum order, without the slot column
  bool has_slot_column = false;          ///< integer not null shardplex_slot exists (a view's can be null)
  std::vector<std::string> primary_key;  ///< column names in key order; empty: none
  std::vector<UniqueConstraint> unique;  ///< without the primary key
  std::vector<ForeignKey> foreign_keys;
  std::string comment;  ///< COMMENT ON TABLE; "" without one
  TableKind kind = TableKind::table;
  std::vector<ComputedColumn> computed = {};              ///< by name, of which none is a column's
  std::vector<ComputedRelation> computed_relations = {};  ///< by name
  /// Of a combined catalogue: keys that begin here, of which one end or both is a view (view_relations.hpp).
  std::vector<ShownKey> shown_keys = {};
  /// Of a view in a combined catalogue: the columns that are primary keys of its tables. They need not tell
  /// its rows apart.
  std::vector<std::string> shown_primary_key = {};
  /// Of a view in a combined catalogue through which rows are written (view_writes.hpp): its columns then say
  /// of defaults, generated values and new labels what those of the table say.
  std::optional<WrittenTable> written = std::nullopt;
  std::string not_written = {};  ///< of any other view there: why, as the end of a sentence
  /// Of a view in a combined catalogue: the tables that it reads, also through other views, as the map calls
  /// them.
  std::vector<std::string> reads = {};
  /// Foreign keys that lead out of the schemas that were read or, in the catalogue of a schema, out of it: to
  /// "schema.table". Nothing follows them; they say why there is no relation.
  std::vector<ForeignKey> keys_to_other_schemas = {};

  bool is_view() const { return kind != TableKind::table; }
  /// What tells written rows apart, by its names here: of a view the primary key of the table that it writes
  /// to, where it shows all of it.
  const std::vector<std::string>& written_key() const { return written ? shown_primary_key : primary_key; }
  const Column* find_column(std::string_view name) const;            ///< nullptr where absent
  const ComputedColumn* find_computed(std::string_view name) const;  ///< also one that is refused
  /// Also one that is refused; nullptr where absent.
  const ComputedRelation* find_computed_relation(std::string_view name) const;
  /// What a request may read under the name: a column, or a computed one. nullptr where there is neither.
  const Column* find_readable(std::string_view name) const;
  bool operator==(const Table&) const = default;
};

/// A view or materialized view of one shard, with what its definition says of where its rows come from.
struct StoredView {
  Table table;
  std::vector<std::string> reads;    ///< the relations that it is made of: "movies", "other_schema.films"
  bool is_populated = true;          ///< false: a materialized view that was never refreshed
  std::string definition;            ///< equal texts where it is defined alike
  std::vector<std::string> columns;  ///< all, with the slot column: that of number n at n - 1
  /// nullopt of a definition that nobody here can read, or that was not read, as the view shows no slot and
  /// there are too many of them.
  std::optional<ViewQuery> query;
  std::vector<std::string> functions;  ///< that can do more than work out a result of what they are given
  /// As columns: the column of what it reads that each is, unchanged; nullopt of others.
  std::vector<std::optional<StoredColumn>> origins = {};
  /// PostgreSQL carries inserts, changes and deletions out on what it reads, triggers and rules aside.
  bool is_updatable = false;
  /// What is carried out in their place, such as "the INSTEAD OF trigger a, the rule b"; "" where nothing is.
  std::string instead = {};
  bool operator==(const StoredView&) const = default;
};

/// An argument that a caller gives.
struct FunctionArgument {
  std::string name;         ///< "" where it has none
  std::string type;         ///< format_type(), for people
  std::string type_name;    ///< pg_type.typname
  std::string type_schema;  ///< "pg_catalog" for built-in types
  bool has_default = false;
  bool variadic = false;
  bool operator==(const FunctionArgument&) const = default;
};

/// One function of a name, of which there may be several with other arguments.
struct Function {
  using Volatility = shardplex::Volatility;
  enum class Returns : std::uint8_t {
    nothing,  ///< void
    value,    ///< of any type but a row's; also record, of which only the call tells the columns
    row,      ///< of a table, a view, a composite type or several OUT arguments
  };
  std::string name;
  std::vector<FunctionArgument> arguments;  ///< in their order, without OUT and TABLE arguments
  Volatility volatility = Volatility::volatile_;
  Returns returns = Returns::nothing;
  bool returns_set = false;
  std::string table;            ///< where its rows are those of a table or view that was read: its name
  std::vector<Column> columns;  ///< of its rows; of a value one column, called as PostgREST calls it
  std::string schema = "public";
  /// In a catalogue of one schema: the sharded table or view of another schema whose rows it returns.
  std::string rows_of_other_schema = {};

  /// "films_of(movie_id bigint, top integer)"
  std::string signature() const;
  const FunctionArgument* find_argument(std::string_view name) const;  ///< nullptr where absent
  bool operator==(const Function&) const = default;
};

/// Functions by their name, each with all that have it.
using Functions = std::map<std::string, std::vector<Function>, std::less<>>;

/// One shard's tables of the schemas that were read, by name, and what the whole database decides.
struct ShardCatalogue {
  std::map<std::string, Table, std::less<>> tables;
  std::string server_encoding;    ///< must be UTF8
  std::string default_collation;  ///< the database's, by its provider: datcollate or, of ICU, daticulocale
  bool bytewise_default_collation = true;
  std::string character_type;  ///< datctype: which letters there are, and their upper and lower case
  Definitions definitions;  ///< how its rows were placed, as the shard keeps it; empty where it keeps nothing
  std::map<std::string, StoredView, std::less<>> views = {};
  Functions functions = {};  ///< without those of extensions, and those that only triggers can call
  /// Whether the database's lower() takes A to Z to a to z, which it does not under every locale.
  bool lowers_ascii = true;
  /// By name, to say that it is there and not served: what another server has is on no shard.
  std::set<std::string, std::less<>> foreign_tables = {};
  bool operator==(const ShardCatalogue&) const = default;
};

/// What the router serves: tables and views in the shard map, as far as their definitions are the same on
/// every shard.
struct Catalogue {
  std::map<std::string, Table, std::less<>> tables;
  /// Tables and views of the map that are not served, with the reason, such as
  /// "movies: column genre is text[] on alpha and text on beta".
  std::map<std::string, std::string, std::less<>> refused;
  /// Of tables that are served: in what the shards differ, such as
  /// "movies: column subtitle is missing on beta". It is a state to pass through, not one to make a cluster
  /// in.
  std::map<std::string, std::string, std::less<>> differing;
  std::vector<std::string> warnings;  ///< such as a unique constraint that does not contain the shard key
  bool bytewise_default_collation = true;
  /// Text that says no collation of its own has one order, and the same letters, on every shard.
  bool one_default_collation = true;
  /// Those that the map declares and that are the same on every shard.
  Functions functions = {};
  /// Those that the map declares and that are not, with the reason.
  std::map<std::string, std::string, std::less<>> refused_functions = {};
  std::vector<std::string> undeclared_functions = {};  ///< sorted; on some shard, and not in the map
  /// Of one schema: what the columns of keys are hashed as, by the groups' names, where only tables of other
  /// schemas tell.
  std::map<std::string, std::vector<KeyType>, std::less<>> key_types = {};

  const Table* find(std::string_view table) const;  ///< nullptr where not served
  /// Why the shards are not to be used with each other for this table: refused or differing; nullptr where
  /// there is nothing to say.
  const std::string* not_alike(std::string_view table) const;
  bool operator==(const Catalogue&) const = default;
};

/// SHARD404 for a table that is refused, with the reason.
Error refused_table(const std::string& table, std::string reason);

/// Compares what the shards say, table by table of the map, and serves what agrees (type_oid and the order of
/// columns need not; the order of the first shard is kept).
///
/// While shards differ, as they do between the ALTER TABLE on the first and on the last, only what conflicts
/// is not served: a column that not all have is left out; one that is of another type, collation or enum, or
/// generated here and stored there, carries the conflict; integer types of different widths do as the widest.
/// Other differences (not null, defaults, constraints) are told and stand in nobody's way. What is unique on
/// some shards only is not unique. Comments are the first shard's and make no difference.
///
/// Refused: a table missing on a shard (named), a difference in the primary key or in a column of it, or in
/// one that decides the slot; a primary key with the slot column in it; a sharded table without the
/// slot column, without its key column (hash) or its list and spread_by columns (list), a key type that is
/// not one of key_type(), a key of another form than the rows were placed by, or rows that were placed by
/// other definitions than the map's, a key whose collation is not deterministic, a key column that is
/// computed from others; an enum that decides the slot, of which labels were renamed; citext as key where
/// ASCII has other small letters, or beside keys of text in the group. Warned of: unique constraints and
/// primary keys that cannot hold across shards, sharded tables without a primary key, whose slots cannot
/// move, and keys of few values. Views: view_problems(). Computed columns:
/// combine_computed(). `shards`: the name of each for the messages, and its catalogue; at least one.
Catalogue combine(const ShardMap& map, const std::vector<std::pair<std::string, ShardCatalogue>>& shards);

/// The key type of a column, by what its domain is made of where it is one; nullopt where it cannot be a
/// shard key, for key_refusal().
std::optional<KeyType> key_type(const Column& column);

/// Why the column cannot be a shard key, as the end of a sentence. Precondition: it has no key_type().
std::string key_refusal(const Column& column);

/// The word for what keys are hashed as (shard_map/key.hpp), such as integer.
std::string_view key_form(KeyType type);

/// What shards keep of the form of a table's keys: that word and, of numeric(p, s), how many digits behind
/// the point are kept ("numeric scale 2"): where it is made another s, PostgreSQL rounds the keys that are
/// there. Precondition: the column has a key_type().
std::string kept_key_form(const Column& key);

/// The same of each column of a key: "integer,text". Precondition: each of them has a key_type().
std::string kept_key_form(const Table& table, const KeyNames& key);

/// The key_type() of each of these columns; nullopt where one is not there or cannot be of a shard key.
std::optional<std::vector<KeyType>> types_of_key(const Table& table, const KeyNames& key);

/// The key_form() of each column of a key: "integer,text".
std::string key_form(const std::vector<KeyType>& types);

/// A sentence where the key is not of the form `stored`, by which the table's rows were placed, with the way
/// out. Precondition: the columns are there.
std::optional<std::string> key_form_problem(const Table& table, const KeyNames& key, std::string_view stored);

/// A sentence where labels of a column that decides slots, an enum, are no longer what they were when
/// `placed` were written down: each of these has to be there, in that order. Labels may have been added
/// between them. (Renaming two so that they change places changes the order.)
std::optional<std::string> labels_problem(const Table& table, const Column& column,
                                          const std::vector<std::string>& placed);

/// SortKind by pg_type.typname of pg_catalog; is_enum decides enumeration.
SortKind sort_kind(std::string_view type_name, bool is_enum);

/// True for the collations whose order is byte order in UTF-8: C, POSIX, C.UTF-8, C.utf8, ucs_basic.
bool is_bytewise_collation(std::string_view name);

/// True where the column's text is what the map's lists name: text, varchar and enums.
bool can_be_listed(const Column& column);

}  // namespace shardplex
