// Tables whose shard keys have two columns, as values.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tests/query/fixtures.hpp"

namespace shardplex::fixtures {

inline KeyNames key_of(std::vector<std::string> columns) {
  return KeyNames(std::move(columns));
}

/// Named by the key alone.
inline Table notes() {
  Table t;
  t.name = "notes";
  t.has_slot_column = true;
  t.columns = {not_null(column("tenant", "text", "text")), not_null(column("id", "bigint", "int8")),
               column("title", "text", "text"), column("author", "integer", "int4")};
  t.primary_key = {"tenant", "id"};
  return t;
}

/// Several of a note.
inline Table lines() {
  Table t;
  t.name = "lines";
  t.has_slot_column = true;
  t.columns = {not_null(column("of_tenant", "text", "text")), not_null(column("of_note", "bigint", "int8")),
               not_null(column("number", "integer", "int4")), column("words", "text", "text")};
  t.primary_key = {"of_tenant", "of_note", "number"};
  t.foreign_keys = {{"lines_note", {"of_tenant", "of_note"}, "notes", {"tenant", "id"}}};
  return t;
}

inline ShardMap composite_map() {
  return ShardMap("notes", three_shards(), {{"tenants", 1024, HashStrategy{}, thirds(1024)}},
                  {{"notes", false, GroupId{0}, key_of({"tenant", "id"})},
                   {"lines", false, GroupId{0}, key_of({"of_tenant", "of_note"})},
                   {"genres", true, std::nullopt, ""}},
                  {});
}

/// The slot of a note, and of its lines.
inline Slot slot_of_note(const std::string& tenant, const std::string& id) {
  return slot_of(*canonical_bytes(std::vector{KeyType::text, KeyType::integer}, {tenant, id}), 1024);
}

}  // namespace shardplex::fixtures
