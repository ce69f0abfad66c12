// The messages of PostgreSQL's logical decoding plugin pgoutput, protocol version 1, as values (PostgreSQL
// 15, chapter 55.9, "Logical Replication Message Formats"). Pure.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace shardplex::operations {

/// A position in a server's log.
struct Lsn {
  std::uint64_t value = 0;
  auto operator<=>(const Lsn&) const = default;
};

/// As PostgreSQL writes it: "16/B374D848".
std::string to_string(Lsn lsn);
std::optional<Lsn> parse_lsn(std::string_view text);

namespace pgoutput {

/// The bytes are no message of this protocol.
struct DecodeError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Begin {
  Lsn commit;                        ///< where the transaction's commit record is
  std::int64_t committed_at_us = 0;  ///< microseconds since 2000-01-01 UTC
  std::uint32_t transaction = 0;
};

struct Commit {
  Lsn commit;
  Lsn end;  ///< behind the transaction
  std::int64_t committed_at_us = 0;
};

struct Origin {
  Lsn commit;  ///< on the server the transaction comes from
  std::string name;
};

/// What a table is like; sent before its first change, and again when it may have changed.
struct Relation {
  struct Column {
    std::string name;
    bool in_identity = false;  ///< part of the replica identity; all are where that is FULL
    std::uint32_t type_oid = 0;
    std::int32_t type_modifier = -1;
    bool operator==(const Column&) const = default;
  };
  std::uint32_t oid = 0;
  std::string schema;  ///< empty: pg_catalog
  std::string name;
  char identity = 'd';  ///< pg_class.relreplident
  std::vector<Column> columns;
};

struct Type {
  std::uint32_t oid = 0;
  std::string schema, name;
};

struct Value {
  enum class Kind : std::uint8_t {
    null,
    unchanged,  ///< a TOASTed value that the update left as it was, and that is not sent
    text,       ///< output text of the type
  };
  Kind kind = Kind::null;
  std::string text;
  bool operator==(const Value&) const = default;
};

/// By column of the Relation. Of a row given by its key, the other columns are null.
using Tuple = std::vector<Value>;

enum class OldRow : std::uint8_t { key, full };

struct Insert {
  std::uint32_t relation = 0;
  Tuple row;
};

struct Update {
  std::uint32_t relation = 0;
  /// Absent: no column of the replica identity has changed (and it is not FULL).
  std::optional<Tuple> old_row;
  OldRow old_kind = OldRow::key;  ///< meaningful with old_row
  Tuple row;
};

struct Delete {
  std::uint32_t relation = 0;
  OldRow old_kind = OldRow::key;
  Tuple old_row;
};

struct Truncate {
  bool cascade = false, restart_identity = false;
  std::vector<std::uint32_t> relations;
};

using Message = std::variant<Begin, Commit, Origin, Relation, Type, Insert, Update, Delete, Truncate>;

/// The message that `bytes` are, all of them. Throws DecodeError on anything else, however broken; memory is
/// bounded by a small multiple of the bytes.
Message decode(std::string_view bytes);

}  // namespace pgoutput
}  // namespace shardplex::operations
