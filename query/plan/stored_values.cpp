#include "query/plan/stored_values.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

#include "query/plan/key_filter.hpp"
#include "query/plan/plan.hpp"
#include "shard_map/contains_name.hpp"
#include "shard_map/decimal.hpp"
#include "shard_map/invariant.hpp"

namespace shardplex {
namespace {

bool is_whole_number(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// How many bytes of the text varchar(n) has room for: all of them for any other type.
std::size_t fitting_bytes(std::string_view type, std::string_view text) {
  constexpr std::string_view prefix = "character varying(";
  if (!type.starts_with(prefix)) return text.size();
  type.remove_prefix(prefix.size());
  std::size_t length = 0, characters = 0;
  std::from_chars(type.data(), type.data() + type.size(), length);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool starts_character = (static_cast<unsigned char>(text[i]) & 0xC0) != 0x80;
    if (starts_character && ++characters > length) return i;
  }
  return text.size();
}

/// How many digits behind the point numeric(p, s) keeps; nullopt of any other type, and of numeric alone,
/// which keeps all.
std::optional<std::int64_t> scale_of(std::string_view type) {
  const auto comma = type.find(',');
  if (!type.starts_with("numeric(") || comma == std::string_view::npos) return std::nullopt;
  std::int64_t scale = 0;
  std::from_chars(type.data() + comma + 1, type.data() + type.size(), scale);
  return scale;
}

/// The number that a column of this type stores, where it is another one.
std::optional<std::string> rounded_text(std::string_view type, std::string_view text) {
  const auto scale = scale_of(type);
  const auto value = scale ? read_decimal(text) : std::nullopt;
  if (!value) return std::nullopt;
  const Decimal stored = rounded(*value, *scale);
  return stored == *value ? std::nullopt : std::optional(decimal_text(stored));
}

/// Text as an assignment to varchar(n) stores it: blanks past the end are cut, other characters refused
/// (22001).
Result<std::string> fit_length(const Column& column, std::string text) {
  const auto fitting = fitting_bytes(column.type, text);
  if (text.find_first_not_of(' ', fitting) != std::string::npos)
    return Error{"22001", "value too long for type " + column.type, std::nullopt, std::nullopt, std::nullopt};
  text.resize(fitting);
  return {boost::system::in_place_value, std::move(text)};
}

/// yyyy-mm-dd, whether there is such a day or not.
bool is_shaped_as_date(std::string_view text) {
  constexpr std::string_view form = "0000-00-00";
  return text.size() == form.size() && std::ranges::equal(text, form, [](char c, char wanted) {
           return wanted == '0' ? c >= '0' && c <= '9' : c == wanted;
         });
}

}  // namespace

bool is_cut(std::string_view type, std::string_view text) {
  return fitting_bytes(type, text) < text.size() || rounded_text(type, text);
}

Error invalid_value(const Column& column, const std::string& text) {
  if (key_type(column) == KeyType::integer && is_whole_number(text))
    return {"22003", "value \"" + text + "\" is out of range for type " + column.type, std::nullopt,
            std::nullopt, std::nullopt};
  if (key_type(column) == KeyType::enumeration)
    return {"22P02", "invalid input value for enum " + column.type + ": \"" + text + '"', std::nullopt,
            std::nullopt, std::nullopt};
  const bool is_date = key_type(column) == KeyType::date, is_numeric = key_type(column) == KeyType::numeric;
  if (is_date && is_shaped_as_date(text))
    return {"22008", "date/time field value out of range: \"" + text + '"', std::nullopt, std::nullopt,
            std::nullopt};
  return {is_date ? "22007" : "22P02",
          "invalid input syntax for type " +
              (is_date      ? "date"
               : is_numeric ? "numeric"
                            : column.type) +
              ": \"" + text + '"',
          "Column " + column.name + " decides where the row is stored, so it has to be in its plain form.",
          std::nullopt, std::nullopt};
}

namespace {

Error new_label(const Column& column, const std::string& label) {
  return cannot_merge("Column " + column.name + " decides where the row is stored, and the label \"" + label +
                          "\" of " + column.type + " is new: not every shard has written it down.",
                      "Run shardplex cluster init.");
}

/// Why no row is placed by this label; nullopt where rows are.
std::optional<Error> label_refusal(const Column& column, const std::string& label) {
  if (!contains_name(column.enum_labels, label)) return invalid_value(column, label);
  if (contains_name(column.unplaced_labels, label)) return new_label(column, label);
  return std::nullopt;
}

/// PostgreSQL has no objection.
Error beyond_ascii(const Column& column) {
  return cannot_merge("Column " + column.name + " is " + column.type +
                          " and decides where the row is stored, and it has other characters than those of "
                          "ASCII: which of these are equal depends on the database's locale.",
                      "Use ASCII, or make the column text with a CHECK that it is in small letters.");
}

}  // namespace

Result<std::string> key_text(const Column& column, const BodyValue& value) {
  const auto type = key_type(column);
  invariant(type.has_value(), "a key is of a key type");
  if (value.kind == BodyValue::Kind::nested) return invalid_value(column, "…");
  if (type == KeyType::enumeration)
    if (auto refusal = label_refusal(column, value.text)) return *std::move(refusal);
  auto text = canonical_text(*type, value.text);
  if (!text && type == KeyType::citext && canonical_text(KeyType::text, value.text))
    return beyond_ascii(column);
  if (!text) return invalid_value(column, value.text);
  if (auto stored = rounded_text(column.type, *text))
    return {boost::system::in_place_value, *std::move(stored)};
  return fit_length(column, std::move(*text));
}

Result<std::optional<std::string>> list_value(const Column& column, const BodyValue& value) {
  if (value.kind == BodyValue::Kind::null || value.kind == BodyValue::Kind::absent)
    return std::optional<std::string>();
  if (value.kind == BodyValue::Kind::nested || !canonical_text(KeyType::text, value.text))
    return invalid_value(column, value.kind == BodyValue::Kind::nested ? "…" : value.text);
  if (contains_name(column.unplaced_labels, value.text)) return new_label(column, value.text);
  auto text = fit_length(column, value.text);
  if (!text) return text.error();
  return std::optional(std::move(*text));
}

std::string key_bytes(const RoutedTable& routed, const KeyTexts& key) {
  const auto bytes = canonical_bytes(routed.key_types(), key);
  invariant(bytes.has_value(), "a key's canonical text has canonical bytes");
  return *bytes;
}

std::optional<KeyTexts> filtered_key(const Query& query, const RoutedTable& routed) {
  if (!routed.group()) return std::nullopt;
  const auto types = routed.key_types();
  KeyTexts key;
  for (std::size_t i = 0; i < types.size(); ++i) {
    const auto& name = routed.key().names()[i];
    if (!routed.column(name).representations.from_text.empty()) return std::nullopt;
    const std::string* text = eq_value(query.filters, name);
    auto canonical = text ? canonical_text(types[i], *text) : std::nullopt;
    if (!canonical) return std::nullopt;
    key.push_back(*std::move(canonical));
  }
  return key;
}

bool is_filtered_value(const Query& query, const Column& column, const std::string& text) {
  const auto type = key_type(column);
  const std::string* filtered = eq_value(query.filters, column.name);
  if (!type || !filtered || !column.representations.from_text.empty()) return false;
  const auto bytes = canonical_bytes(*type, *filtered);
  return bytes && bytes == canonical_bytes(*type, text);
}

}  // namespace shardplex
