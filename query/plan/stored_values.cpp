#include "query/plan/stored_values.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

#include "query/plan/key_filter.hpp"
#include "query/plan/plan.hpp"
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
  return fitting_bytes(type, text) < text.size();
}

Error invalid_value(const Column& column, const std::string& text) {
  if (key_type(column) == KeyType::integer && is_whole_number(text))
    return {"22003", "value \"" + text + "\" is out of range for type " + column.type, std::nullopt,
            std::nullopt, std::nullopt};
  const bool is_date = key_type(column) == KeyType::date;
  if (is_date && is_shaped_as_date(text))
    return {"22008", "date/time field value out of range: \"" + text + '"', std::nullopt, std::nullopt,
            std::nullopt};
  return {is_date ? "22007" : "22P02",
          "invalid input syntax for type " + (is_date ? "date" : column.type) + ": \"" + text + '"',
          "Column " + column.name + " decides where the row is stored, so it has to be in its plain form.",
          std::nullopt, std::nullopt};
}

Result<std::string> key_text(const Column& column, const BodyValue& value) {
  const auto type = key_type(column);
  invariant(type.has_value(), "a key is of a key type");
  if (value.kind == BodyValue::Kind::nested) return invalid_value(column, "…");
  auto text = canonical_text(*type, value.text);
  if (!text) return invalid_value(column, value.text);
  return fit_length(column, std::move(*text));
}

Result<std::optional<std::string>> list_value(const Column& column, const BodyValue& value) {
  if (value.kind == BodyValue::Kind::null || value.kind == BodyValue::Kind::absent)
    return std::optional<std::string>();
  if (value.kind == BodyValue::Kind::nested || !canonical_text(KeyType::text, value.text))
    return invalid_value(column, value.kind == BodyValue::Kind::nested ? "…" : value.text);
  auto text = fit_length(column, value.text);
  if (!text) return text.error();
  return std::optional(std::move(*text));
}

std::string key_bytes(const RoutedTable& routed, const std::string& text) {
  const auto bytes = canonical_bytes(routed.key_type(), text);
  invariant(bytes.has_value(), "a key's canonical text has canonical bytes");
  return *bytes;
}

std::optional<std::string> filtered_key(const Query& query, const RoutedTable& routed) {
  if (!routed.group()) return std::nullopt;
  const std::string* text = eq_value(query.filters, routed.key());
  return text ? canonical_text(routed.key_type(), *text) : std::nullopt;
}

}  // namespace shardplex
