#include "query/engine/json_value.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstddef>
#include <limits>
#include <optional>
#include <type_traits>

#include "query/engine/float_json.hpp"
#include "query/engine/numeric_json.hpp"
#include "query/engine/type_oids.hpp"

namespace shardplex {
namespace {

/// The big-endian T at the front of `bytes`, which it is taken off; nullopt where they are too few.
template <class T>
std::optional<T> take(std::string_view& bytes) {
  if (bytes.size() < sizeof(T)) return std::nullopt;
  std::make_unsigned_t<T> value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i)
    value = static_cast<std::make_unsigned_t<T>>(value << 8 | static_cast<unsigned char>(bytes[i]));
  bytes.remove_prefix(sizeof(T));
  return static_cast<T>(value);
}

/// The value that `bytes` are, and nothing else.
template <class T>
std::optional<T> whole(std::string_view bytes) {
  return bytes.size() == sizeof(T) ? take<T>(bytes) : std::nullopt;
}

template <class Integer>
void append_integer(std::string& out, Integer value) {
  std::array<char, std::numeric_limits<Integer>::digits10 + 3> text;
  out.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr);
}

/// With zeros in front, `width` digits at least.
void append_padded(std::string& out, std::int64_t value, std::size_t width) {
  std::array<char, std::numeric_limits<std::int64_t>::digits10 + 3> text;
  const char* end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  const auto size = static_cast<std::size_t>(end - text.data());
  if (size < width) out.append(width - size, '0');
  out.append(text.data(), size);
}

// ---- Strings.

bool must_be_escaped(char c) {
  return static_cast<unsigned char>(c) < ' ' || c == '"' || c == '\\';
}

void append_escaped(std::string& out, char c) {
  constexpr std::string_view digits = "0123456789abcdef";
  switch (c) {
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    case '"':
    case '\\':
      out += '\\';
      out += c;
      return;
    default:
      out += "\\u00";
      out += digits[static_cast<unsigned char>(c) >> 4];
      out += digits[static_cast<unsigned char>(c) & 0xF];
  }
}

/// float4 or float8, by its length.
bool append_floating(std::string& out, std::string_view bytes) {
  if (const auto bits = whole<std::int64_t>(bytes))
    append_json_float(out, std::bit_cast<double>(*bits));
  else if (const auto short_bits = whole<std::int32_t>(bytes))
    append_json_float(out, std::bit_cast<float>(*short_bits));
  else
    return false;
  return true;
}

void append_uuid(std::string& out, std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  out += '"';
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    out += digits[static_cast<unsigned char>(bytes[i]) >> 4];
    out += digits[static_cast<unsigned char>(bytes[i]) & 0xF];
  }
  out += '"';
}

// ---- Dates: ISO 8601, with " BC" behind years before 1.

struct CivilDate {
  std::int64_t year;  // 0 is 1 BC
  std::int64_t month, day;
};

/// The date `days` after 2000-01-01 in the Gregorian calendar, at any distance. It counts in eras of 400
/// years, and in years that begin in March, so that a leap day ends one.
CivilDate civil_date(std::int64_t days) {
  constexpr std::int64_t era_days = 146'097;
  constexpr std::int64_t from_march_of_year_0 = 730'425;  // days from 0000-03-01 to 2000-01-01
  days += from_march_of_year_0;
  const std::int64_t era = (days >= 0 ? days : days - (era_days - 1)) / era_days;
  const std::int64_t day_of_era = days - era * era_days;
  const std::int64_t year_of_era =
      (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t months_since_march = (5 * day_of_year + 2) / 153;
  const std::int64_t month = months_since_march < 10 ? months_since_march + 3 : months_since_march - 9;
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month,
          day_of_year - (153 * months_since_march + 2) / 5 + 1};
}

void append_date_part(std::string& out, const CivilDate& date) {
  append_padded(out, date.year > 0 ? date.year : 1 - date.year, 4);
  out += '-';
  append_padded(out, date.month, 2);
  out += '-';
  append_padded(out, date.day, 2);
}

/// The greatest and the least value of the type are the infinities.
template <class Integer>
bool append_infinity(std::string& out, Integer value) {
  if (value == std::numeric_limits<Integer>::max())
    out += "\"infinity\"";
  else if (value == std::numeric_limits<Integer>::min())
    out += "\"-infinity\"";
  else
    return false;
  return true;
}

void append_date(std::string& out, std::int32_t days) {
  if (append_infinity(out, days)) return;
  const CivilDate date = civil_date(days);
  out += '"';
  append_date_part(out, date);
  out += date.year > 0 ? "\"" : " BC\"";
}

/// `zone`: what stands behind the time, which an infinity does not have.
void append_timestamp(std::string& out, std::int64_t microseconds, std::string_view zone) {
  constexpr std::int64_t second = 1'000'000, day = 86'400 * second;
  if (append_infinity(out, microseconds)) return;
  std::int64_t days = microseconds / day, rest = microseconds % day;
  if (rest < 0) {
    rest += day;
    --days;
  }
  const CivilDate date = civil_date(days);
  out += '"';
  append_date_part(out, date);
  out += 'T';
  append_padded(out, rest / (3'600 * second), 2);
  out += ':';
  append_padded(out, rest / (60 * second) % 60, 2);
  out += ':';
  append_padded(out, rest / second % 60, 2);
  if (const auto fraction = rest % second; fraction != 0) {
    out += '.';
    append_padded(out, fraction, 6);
    out.erase(out.find_last_not_of('0') + 1);
  }
  out += zone;
  out += date.year > 0 ? "\"" : " BC\"";
}

// ---- Arrays.

/// One dimension of an array's elements, and those within it. Elements that are not there are missed.
class ArrayWriter {
 public:
  ArrayWriter(std::string& out, JsonType element, std::string_view sizes, std::string_view elements,
              std::size_t most)
      : out_(out), element_(element), sizes_(sizes), elements_(elements), most_(most) {}

  /// Precondition: sizes_ has one pair of size and lower bound for each of the dimensions from `level` on.
  bool write(std::size_t level) {
    constexpr std::size_t dimension_bytes = 8;
    auto size_bytes = sizes_.substr(level * dimension_bytes);
    const auto size = *take<std::int32_t>(size_bytes);
    const bool innermost = (level + 1) * dimension_bytes == sizes_.size();
    out_ += '[';
    for (std::int32_t i = 0; i < size; ++i) {
      if (i > 0) out_ += ',';
      if (!(innermost ? write_element() : write(level + 1)) || out_.size() > most_) return false;
    }
    out_ += ']';
    return true;
  }
  bool at_end() const { return elements_.empty(); }

 private:
  bool write_element() {
    constexpr std::int32_t null_length = -1;
    const auto length = take<std::int32_t>(elements_);
    if (!length) return false;
    if (*length == null_length) {
      out_ += "null";
      return true;
    }
    if (*length < 0 || static_cast<std::size_t>(*length) > elements_.size()) return false;
    const auto value = elements_.substr(0, static_cast<std::size_t>(*length));
    elements_.remove_prefix(value.size());
    return append_json(out_, element_, value);
  }

  std::string& out_;
  JsonType element_;
  std::string_view sizes_, elements_;
  std::size_t most_;  // bytes of out_
};

bool is_element_of(JsonKind kind, std::uint32_t type_oid) {
  return holds_json_of({kind, false}, type_oid);
}

/// array_send(): the number of dimensions, whether there are nulls, the element's type, size and lower bound
/// of each dimension, then each element's length and bytes.
bool append_array(std::string& out, JsonKind kind, std::string_view bytes, std::size_t most) {
  constexpr std::size_t most_dimensions = 6, dimension_bytes = 8;
  const auto dimensions = take<std::int32_t>(bytes);
  const auto has_nulls = take<std::int32_t>(bytes);
  const auto element = take<std::uint32_t>(bytes);
  if (!dimensions || !has_nulls || !element || !is_element_of(kind, *element)) return false;
  if (*dimensions == 0) {
    out += "[]";
    return bytes.empty();
  }
  const auto levels = static_cast<std::size_t>(*dimensions);
  if (*dimensions < 0 || levels > most_dimensions || bytes.size() < levels * dimension_bytes) return false;
  // Each element takes some bytes, so there are not more of them than the value is long.
  for (std::size_t level = 0; level < levels; ++level) {
    auto size = bytes.substr(level * dimension_bytes);
    if (*take<std::int32_t>(size) < 1) return false;
  }
  ArrayWriter writer(out, {kind, false}, bytes.substr(0, levels * dimension_bytes),
                     bytes.substr(levels * dimension_bytes), most);
  return writer.write(0) && writer.at_end();
}

bool append_bytes(std::string& out, std::string_view bytes) {
  out += bytes;
  return true;
}

/// jsonb_send(): the number of the format, then the value's text.
bool append_jsonb(std::string& out, std::string_view bytes) {
  constexpr char format = 1;
  return bytes.size() > 1 && bytes.front() == format && append_bytes(out, bytes.substr(1));
}

}  // namespace

JsonType json_type(std::string_view type_schema, std::string_view type_name, bool in_utc) {
  struct Known {
    std::string_view name;
    JsonType type;
  };
  static constexpr std::array<Known, 32> known{{
      {"bool", {JsonKind::boolean, false}},        {"_bool", {JsonKind::boolean, true}},
      {"int2", {JsonKind::integer, false}},        {"_int2", {JsonKind::integer, true}},
      {"int4", {JsonKind::integer, false}},        {"_int4", {JsonKind::integer, true}},
      {"int8", {JsonKind::integer, false}},        {"_int8", {JsonKind::integer, true}},
      {"numeric", {JsonKind::numeric, false}},     {"_numeric", {JsonKind::numeric, true}},
      {"float4", {JsonKind::floating, false}},     {"_float4", {JsonKind::floating, true}},
      {"float8", {JsonKind::floating, false}},     {"_float8", {JsonKind::floating, true}},
      {"text", {JsonKind::text, false}},           {"_text", {JsonKind::text, true}},
      {"varchar", {JsonKind::text, false}},        {"_varchar", {JsonKind::text, true}},
      {"bpchar", {JsonKind::text, false}},         {"_bpchar", {JsonKind::text, true}},
      {"uuid", {JsonKind::uuid, false}},           {"_uuid", {JsonKind::uuid, true}},
      {"date", {JsonKind::date, false}},           {"_date", {JsonKind::date, true}},
      {"timestamp", {JsonKind::timestamp, false}}, {"_timestamp", {JsonKind::timestamp, true}},
      {"json", {JsonKind::json, false}},           {"_json", {JsonKind::json, true}},
      {"jsonb", {JsonKind::jsonb, false}},         {"_jsonb", {JsonKind::jsonb, true}},
      {"timestamptz", {JsonKind::instant, false}}, {"_timestamptz", {JsonKind::instant, true}},
  }};
  if (type_schema != "pg_catalog") return {};
  const auto found = std::ranges::find(known, type_name, &Known::name);
  if (found == known.end() || (found->type.kind == JsonKind::instant && !in_utc)) return {};
  return found->type;
}

std::string json_sql(JsonType type, const std::string& value) {
  return sent_as_it_is(type) ? value : "to_json(" + value + ')';
}

bool sent_as_it_is(JsonType type) {
  return type.kind != JsonKind::other;
}

bool holds_json_of(JsonType type, std::uint32_t oid) {
  switch (type.kind) {
    case JsonKind::other:
      return oid == json_oid;
    case JsonKind::json:
      return oid == (type.array ? json_array_oid : json_oid);
    case JsonKind::jsonb:
      return oid == (type.array ? jsonb_array_oid : jsonb_oid);
    case JsonKind::boolean:
      return oid == (type.array ? bool_array_oid : bool_oid);
    case JsonKind::integer:
      return type.array ? oid == int2_array_oid || oid == int4_array_oid || oid == int8_array_oid
                        : oid == int2_oid || oid == int4_oid || oid == int8_oid;
    case JsonKind::numeric:
      return oid == (type.array ? numeric_array_oid : numeric_oid);
    case JsonKind::floating:
      return type.array ? oid == float4_array_oid || oid == float8_array_oid
                        : oid == float4_oid || oid == float8_oid;
    case JsonKind::text:
      return type.array ? oid == text_array_oid || oid == varchar_array_oid || oid == bpchar_array_oid
                        : oid == text_oid || oid == varchar_oid || oid == bpchar_oid;
    case JsonKind::uuid:
      return oid == (type.array ? uuid_array_oid : uuid_oid);
    case JsonKind::date:
      return oid == (type.array ? date_array_oid : date_oid);
    case JsonKind::timestamp:
      return oid == (type.array ? timestamp_array_oid : timestamp_oid);
    case JsonKind::instant:
      return oid == (type.array ? timestamptz_array_oid : timestamptz_oid);
  }
  return false;
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const auto end = std::ranges::find_if(text, must_be_escaped);
    const auto plain = static_cast<std::size_t>(end - text.begin());
    out += text.substr(0, plain);
    if (plain == text.size()) break;
    append_escaped(out, text[plain]);
    text.remove_prefix(plain + 1);
  }
  out += '"';
}

bool append_json(std::string& out, JsonType type, std::string_view bytes, std::size_t most) {
  if (type.array) return append_array(out, type.kind, bytes, most);
  switch (type.kind) {
    case JsonKind::other:
    case JsonKind::json:
      return append_bytes(out, bytes);
    case JsonKind::jsonb:
      return append_jsonb(out, bytes);
    case JsonKind::boolean:
      return bytes.size() == 1 && append_bytes(out, bytes.front() != 0 ? "true" : "false");
    case JsonKind::integer:
      if (const auto value = whole<std::int32_t>(bytes))
        append_integer(out, *value);
      else if (const auto longer = whole<std::int64_t>(bytes))
        append_integer(out, *longer);
      else if (const auto shorter = whole<std::int16_t>(bytes))
        append_integer(out, *shorter);
      else
        return false;
      return true;
    case JsonKind::numeric:
      return append_json_numeric(out, bytes);
    case JsonKind::floating:
      return append_floating(out, bytes);
    case JsonKind::text:
      append_json_string(out, bytes);
      return true;
    case JsonKind::uuid:
      if (bytes.size() != 16) return false;
      append_uuid(out, bytes);
      return true;
    case JsonKind::date:
      if (const auto days = whole<std::int32_t>(bytes)) {
        append_date(out, *days);
        return true;
      }
      return false;
    case JsonKind::timestamp:
    case JsonKind::instant:
      if (const auto microseconds = whole<std::int64_t>(bytes)) {
        append_timestamp(out, *microseconds, type.kind == JsonKind::instant ? "+00:00" : "");
        return true;
      }
      return false;
  }
  return false;
}

}  // namespace shardplex
