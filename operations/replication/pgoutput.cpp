#include "operations/replication/pgoutput.hpp"

#include <array>
#include <charconv>
#include <cstdio>

namespace shardplex::operations {

std::string to_string(Lsn lsn) {
  std::array<char, 24> text{};
  std::snprintf(text.data(), text.size(), "%X/%X", static_cast<unsigned>(lsn.value >> 32),
                static_cast<unsigned>(lsn.value & 0xFFFFFFFFU));
  return text.data();
}

std::optional<Lsn> parse_lsn(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  std::uint64_t value = 0;
  for (const std::string_view half : {text.substr(0, slash), text.substr(slash + 1)}) {
    std::uint32_t number = 0;
    const auto read = std::from_chars(half.data(), half.data() + half.size(), number, 16);
    if (half.empty() || read.ec != std::errc() || read.ptr != half.data() + half.size()) return std::nullopt;
    value = value << 32 | number;
  }
  return Lsn{value};
}

namespace pgoutput {
namespace {

/// Takes values off the front of a message; integers are in network byte order.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  std::uint64_t unsigned_integer(std::size_t size) {
    std::uint64_t value = 0;
    for (const char byte : take(size)) value = value << 8 | static_cast<unsigned char>(byte);
    return value;
  }
  char byte() { return take(1)[0]; }
  std::uint16_t uint16() { return static_cast<std::uint16_t>(unsigned_integer(2)); }
  std::uint32_t uint32() { return static_cast<std::uint32_t>(unsigned_integer(4)); }
  std::int64_t int64() { return static_cast<std::int64_t>(unsigned_integer(8)); }
  Lsn lsn() { return {unsigned_integer(8)}; }

  /// Up to a zero byte.
  std::string string() {
    const auto end = rest_.find('\0');
    if (end == std::string_view::npos) throw DecodeError("a string does not end");
    std::string text(rest_.substr(0, end));
    rest_.remove_prefix(end + 1);
    return text;
  }

  std::string_view take(std::size_t size) {
    if (size > rest_.size()) throw DecodeError("it is cut short");
    const auto bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return bytes;
  }

  /// A count of things of which each takes at least `least` bytes.
  std::size_t count(std::size_t value, std::size_t least) const {
    if (value > rest_.size() / least) throw DecodeError("it counts more than it holds");
    return value;
  }

  void end() const {
    if (!rest_.empty()) throw DecodeError("it goes on after its end");
  }

 private:
  std::string_view rest_;
};

Value read_value(Reader& reader) {
  switch (reader.byte()) {
    case 'n':
      return {};
    case 'u':
      return {Value::Kind::unchanged, {}};
    case 't':
      return {Value::Kind::text, std::string(reader.take(reader.uint32()))};
    default:
      throw DecodeError("a value of an unknown kind");
  }
}

Tuple read_tuple(Reader& reader) {
  Tuple tuple(reader.count(reader.uint16(), 1));
  for (auto& value : tuple) value = read_value(reader);
  return tuple;
}

OldRow old_row_kind(char mark) {
  if (mark == 'K') return OldRow::key;
  if (mark == 'O') return OldRow::full;
  throw DecodeError("a row of an unknown kind");
}

void expect_new_row(char mark) {
  if (mark != 'N') throw DecodeError("a row of an unknown kind");
}

Begin read_begin(Reader& reader) {
  Begin begin;
  begin.commit = reader.lsn();
  begin.committed_at_us = reader.int64();
  begin.transaction = reader.uint32();
  return begin;
}

Commit read_commit(Reader& reader) {
  if (reader.byte() != 0) throw DecodeError("a commit with unknown flags");
  Commit commit;
  commit.commit = reader.lsn();
  commit.end = reader.lsn();
  commit.committed_at_us = reader.int64();
  return commit;
}

Origin read_origin(Reader& reader) {
  Origin origin;
  origin.commit = reader.lsn();
  origin.name = reader.string();
  return origin;
}

Relation::Column read_column(Reader& reader) {
  Relation::Column column;
  column.in_identity = (reader.byte() & 1) != 0;
  column.name = reader.string();
  column.type_oid = reader.uint32();
  column.type_modifier = static_cast<std::int32_t>(reader.uint32());
  return column;
}

Relation read_relation(Reader& reader) {
  constexpr std::size_t least_column = 1 + 1 + 4 + 4;
  Relation relation;
  relation.oid = reader.uint32();
  relation.schema = reader.string();
  relation.name = reader.string();
  relation.identity = reader.byte();
  relation.columns.resize(reader.count(reader.uint16(), least_column));
  for (auto& column : relation.columns) column = read_column(reader);
  return relation;
}

Type read_type(Reader& reader) {
  Type type;
  type.oid = reader.uint32();
  type.schema = reader.string();
  type.name = reader.string();
  return type;
}

Insert read_insert(Reader& reader) {
  Insert insert;
  insert.relation = reader.uint32();
  expect_new_row(reader.byte());
  insert.row = read_tuple(reader);
  return insert;
}

Update read_update(Reader& reader) {
  Update update;
  update.relation = reader.uint32();
  char mark = reader.byte();
  if (mark != 'N') {
    update.old_kind = old_row_kind(mark);
    update.old_row = read_tuple(reader);
    mark = reader.byte();
  }
  expect_new_row(mark);
  update.row = read_tuple(reader);
  return update;
}

Delete read_delete(Reader& reader) {
  Delete deletion;
  deletion.relation = reader.uint32();
  deletion.old_kind = old_row_kind(reader.byte());
  deletion.old_row = read_tuple(reader);
  return deletion;
}

Truncate read_truncate(Reader& reader) {
  Truncate truncate;
  const std::uint32_t relations = reader.uint32();
  const char options = reader.byte();
  truncate.cascade = (options & 1) != 0;
  truncate.restart_identity = (options & 2) != 0;
  truncate.relations.resize(reader.count(relations, 4));
  for (auto& relation : truncate.relations) relation = reader.uint32();
  return truncate;
}

Message read_message(char kind, Reader& reader) {
  switch (kind) {
    case 'B':
      return read_begin(reader);
    case 'C':
      return read_commit(reader);
    case 'O':
      return read_origin(reader);
    case 'R':
      return read_relation(reader);
    case 'Y':
      return read_type(reader);
    case 'I':
      return read_insert(reader);
    case 'U':
      return read_update(reader);
    case 'D':
      return read_delete(reader);
    case 'T':
      return read_truncate(reader);
    default:
      throw DecodeError("a message of an unknown kind");
  }
}

}  // namespace

Message decode(std::string_view bytes) try {
  Reader reader(bytes);
  const char kind = reader.byte();
  Message message = read_message(kind, reader);
  reader.end();
  return message;
} catch (const DecodeError& error) {
  throw DecodeError("a change that the source sent is not understood: " + std::string(error.what()));
}

}  // namespace pgoutput
}  // namespace shardplex::operations
