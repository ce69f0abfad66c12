#include "query/grammar/accept_encoding.hpp"

#include <optional>
#include <string>

#include "query/grammar/header_text.hpp"

namespace shardplex {
namespace {

using namespace grammar;

struct CodingRow {
  std::string_view name;
  ContentCoding coding;
  std::string_view old_name = {};  ///< which is the same (RFC 9110, section 8.4.1.3)
};

// In the order of our preference.
constexpr CodingRow coding_rows[] = {
    {"zstd", ContentCoding::zstd},
    {"br", ContentCoding::br},
    {"gzip", ContentCoding::gzip, "x-gzip"},
};

/// "gzip;q=0.5": the name in lower case, and its weight.
std::pair<std::string, double> weighed_name(std::string_view written) {
  const auto end = end_of_piece(written, ';');
  double quality = 1;
  for_each_piece(written.substr(end), ';', [&](std::string_view piece) {
    if (const auto [name, value] = name_and_value(piece); name == "q") quality = quality_of(value);
  });
  return {lower(trimmed(written.substr(0, end))), quality};
}

}  // namespace

std::string_view to_string(ContentCoding coding) {
  return std::ranges::find(coding_rows, coding, &CodingRow::coding)->name;
}

std::optional<ContentCoding> parse_accept_encoding(std::string_view header) {
  constexpr std::size_t count = std::size(coding_rows);
  std::optional<double> named[count], others, identity;
  for_each_piece(header, ',', [&](std::string_view written) {
    const auto [name, quality] = weighed_name(written);
    if (name == "*") others = quality;
    if (name == "identity") identity = quality;
    for (std::size_t i = 0; i < count; ++i)
      if (name == coding_rows[i].name || (!name.empty() && name == coding_rows[i].old_name))
        named[i] = quality;
  });
  std::optional<ContentCoding> best;
  double most = identity.value_or(0);
  for (std::size_t i = 0; i < count; ++i) {
    const double quality = named[i].value_or(others.value_or(0));
    if (quality > 0 && (quality > most || (!best && quality == most))) {
      best = coding_rows[i].coding;
      most = quality;
    }
  }
  return best;
}

}  // namespace shardplex
