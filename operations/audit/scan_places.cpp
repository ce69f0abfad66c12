// Of each piece PostgreSQL puts the keys of a slot behind one another into one value, which is several times
// as fast as a row at a time; their slots are computed here. The states of the slots are of the same
// snapshot.
#include "operations/audit/scan_places.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "operations/shard/server.hpp"

namespace shardplex::operations {
namespace {

bool has_fixed_length(KeyType type) {
  return type == KeyType::integer || type == KeyType::uuid;
}

/// Of these PostgreSQL prints equal values as they were given. Of the others that have no fixed length the
/// canonical bytes are those of the text.
bool keeps_spelling(KeyType type) {
  return type == KeyType::numeric || type == KeyType::citext;
}

std::string piece_sql(const VerifiedTable& table, const std::string& piece) {
  const KeyType type = table.key_types.front();
  std::string bytes, lengths;
  if (table.key_types.size() == 1 && has_fixed_length(type)) {
    const std::string key = quote_identifier(table.placement->key.one());
    bytes = type == KeyType::uuid ? "uuid_send(" + key + ")" : "int8send(" + key + "::bigint)";
    lengths = "NULL";
  } else {
    // Of several columns the texts of a row follow one another, and so do their lengths. Where one is null
    // there is nothing of the row.
    for (const auto& name : table.placement->key.names()) {
      const std::string text = quote_identifier(name) + "::text";
      bytes += (bytes.empty() ? "textsend(" : " || textsend(") + text + ')';
      lengths += (lengths.empty() ? "int4send(octet_length(" : " || int4send(octet_length(") + text + "))";
    }
    lengths = "string_agg(" + lengths + ", '')";
  }
  const std::string hashes = table.can_double ? "string_agg(int8send(" + key_hash(table) + "), '')" : "NULL";
  // Keys that are never null are not counted apart, which would take a tenth of the time.
  const std::string has_key = has_key_sql(table);
  const std::string keys = has_key.empty() ? "count(*)" : "count(*) FILTER (WHERE " + has_key + ')';
  return "SELECT " + quoted_slot_column + ", " + list_expression(table) + ", count(*), " + keys +
         ", string_agg(" + bytes + ", ''), " + lengths + ", " + hashes + " FROM " + table.name + " WHERE " +
         table.condition + " AND " + piece + " GROUP BY 1, 2";
}

/// Big-endian integers behind one another.
template <class Integer>
class Integers {
 public:
  explicit Integers(const pqxx::field& field) : bytes_(field) {}
  std::size_t size() const { return bytes_.size() / sizeof(Integer); }
  Integer operator[](std::size_t i) const {
    std::make_unsigned_t<Integer> value = 0;
    for (std::size_t b = 0; b < sizeof(Integer); ++b)
      value =
          static_cast<std::make_unsigned_t<Integer>>(value << 8U) | bytes_.data()[i * sizeof(Integer) + b];
    return static_cast<Integer>(value);
  }

 private:
  pqxx::binarystring bytes_;
};

std::string to_hex(std::string_view bytes) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += digits[byte >> 4U];
    text += digits[byte & 15U];
  }
  return text;
}

/// Cuts what has the texts of keys behind one another, whose lengths are given, into keys of several columns.
/// Calls f(joined_bytes() or nullopt, f that makes the columns' texts) for each.
template <class F>
void for_each_of_columns(const std::vector<KeyType>& types, std::string_view all,
                         const Integers<std::int32_t>& sizes, F f) {
  std::size_t at = 0;
  std::vector<std::string> texts(types.size());
  for (std::size_t i = 0; i + types.size() <= sizes.size(); i += types.size()) {
    for (std::size_t column = 0; column < types.size(); ++column) {
      texts[column] = all.substr(at, static_cast<std::size_t>(sizes[i + column]));
      at += texts[column].size();
    }
    const auto bytes = canonical_bytes(types, texts);
    f(bytes ? std::optional<std::string_view>(*bytes) : std::nullopt, [&] { return texts; });
  }
}

/// Calls f(joined_bytes() or nullopt, f that makes the columns' texts) for each key of a group of rows.
template <class F>
void for_each_key(const std::vector<KeyType>& types, const pqxx::row& row, F f) {
  constexpr pqxx::row::size_type keys = 4, lengths = 5;
  const KeyType type = types.front();
  if (row[keys].is_null()) return;
  if (types.size() > 1) {
    const pqxx::binarystring bytes(row[keys]);
    for_each_of_columns(types, {reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                        Integers<std::int32_t>(row[lengths]), f);
    return;
  }
  if (type == KeyType::integer) {
    const Integers<std::int64_t> integers(row[keys]);
    for (std::size_t i = 0; i < integers.size(); ++i)
      f(canonical_bytes(integers[i]), [&] { return std::vector{std::to_string(integers[i])}; });
    return;
  }
  const pqxx::binarystring bytes(row[keys]);
  const std::string_view all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (type == KeyType::uuid) {
    for (std::size_t at = 0; at < all.size(); at += 16)
      f(all.substr(at, 16), [&] { return std::vector{to_hex(all.substr(at, 16))}; });
    return;
  }
  const Integers<std::int32_t> sizes(row[lengths]);
  std::size_t at = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const std::string_view text = all.substr(at, static_cast<std::size_t>(sizes[i]));
    at += text.size();
    std::optional<std::string> canonical;
    std::optional<std::string_view> key = text;
    if (keeps_spelling(type)) {
      canonical = canonical_bytes(type, text);
      key = canonical ? std::optional<std::string_view>(*canonical) : std::nullopt;
    }
    f(key, [&] { return std::vector{std::string(text)}; });
  }
}

SlotStates read_states(pqxx::transaction_base& transaction, const ShardMap& map, const std::string& group) {
  SlotStates states;
  const ShardOwnership ownership =
      read_ownership(transaction, map);  // verify_ownership() tells what does not fit
  for (const SlotState state : ownership.groups.at(group))
    states.emplace(static_cast<std::int32_t>(states.size()), state);
  return states;
}

std::uint64_t read_piece(pqxx::transaction_base& transaction, const VerifiedTable& table,
                         const std::string& piece, const SlotStates& states, Part& part) {
  std::uint64_t rows = 0;
  for (const auto& row : transaction.exec(piece_sql(table, piece))) {
    const auto slot = row[0].as<std::int32_t>();
    const auto list_value = row[1].is_null() ? std::nullopt : std::optional(row[1].as<std::string>());
    const auto count = row[2].as<std::uint64_t>();
    part.rows[slot] += count;
    rows += count;
    if (row[3].as<std::uint64_t>() < count) part.suspect({slot, std::nullopt, list_value});
    for_each_key(table.key_types, row, [&](std::optional<std::string_view> key, const auto& texts) {
      const auto right = key ? std::optional(slot_of_row(*table.group, *key, list_value)) : std::nullopt;
      if (!right || static_cast<std::int64_t>(right->value) != slot)
        part.suspect({slot, texts(), list_value});
    });
    if (!table.can_double || !owns(states, slot)) continue;
    const Integers<std::int64_t> hashes(row[6]);
    for (std::size_t i = 0; i < hashes.size(); ++i) part.key_hashes.push_back(hashes[i]);
  }
  return rows;
}

}  // namespace

bool owns(const SlotStates& states, std::int32_t slot) {
  const auto found = states.find(slot);
  return found != states.end() && (found->second == SlotState::owned || found->second == SlotState::fenced);
}

Scanned scan(const ShardMap& map, const Connections& connections, const VerifiedTable& table,
             ScanWatch& watch) {
  Scanned scanned;
  std::vector<Part> parts(connections.size());  // by job
  scan_table(
      connections, table.name, watch,
      [&](std::size_t job, pqxx::transaction_base& transaction, const std::string& piece) {
        return read_piece(transaction, table, piece, scanned.states, parts[job]);
      },
      [&](pqxx::transaction_base& transaction) {
        scanned.states = read_states(transaction, map, table.group->name);
      });
  for (auto& part : parts) {
    for (const auto& [slot, rows] : part.rows) scanned.all.rows[slot] += rows;
    for (const auto& suspect : part.suspects) scanned.all.suspect(suspect);
    scanned.all.further_suspects += part.further_suspects;
    std::ranges::copy(part.key_hashes, std::back_inserter(scanned.all.key_hashes));
  }
  return scanned;
}

}  // namespace shardplex::operations
