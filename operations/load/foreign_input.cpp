#include "operations/load/foreign_input.hpp"

#include <algorithm>
#include <utility>

namespace shardplex::operations {
namespace {

struct Signature {
  std::string_view bytes;
  std::string_view name;
  std::string_view command;  // that writes the input to standard output
};

using namespace std::string_view_literals;

constexpr Signature compressions[] = {
    {"\x1F\x8B"sv, "gzip", "gunzip -c"}, {"\x28\xB5\x2F\xFD"sv, "zstd", "zstd -dc"},
    {"BZh"sv, "bzip2", "bunzip2 -c"},    {"\xFD\x37\x7A\x58\x5A\0"sv, "xz", "xz -dc"},
    {"PK\x03\x04"sv, "zip", "unzip -p"},
};

constexpr std::string_view blanks = " \t\r\n";

/// A file's name as a shell takes it.
std::string shell_word(const std::string& file) {
  const bool plain = std::ranges::all_of(file, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("/._-+").find(c) != std::string_view::npos;
  });
  if (plain) return file;
  std::string quoted = "'";
  for (const char c : file) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + '\'';
}

/// "gunzip -c films.csv.gz | shardplex load … --format csv -"
std::string by_pipe(std::string_view command, const std::string& file, Format format) {
  return std::string(command) + (file == "-" ? "" : ' ' + shell_word(file)) +
         " | shardplex load … --format " + (format == Format::csv ? "csv" : "ndjson") + " -";
}

std::optional<std::string> foreign_bytes(std::string_view beginning, const std::string& file, Format format) {
  for (const auto& [bytes, name, command] : compressions)
    if (beginning.starts_with(bytes))
      return "it is compressed (" + std::string(name) + "): " + by_pipe(command, file, format);
  const bool marked = beginning.starts_with("\xFF\xFE") || beginning.starts_with("\xFE\xFF");
  if (marked || beginning.substr(0, 64).find('\0') != std::string_view::npos)
    return "it is not UTF-8, but looks like UTF-16: " +
           by_pipe(marked ? "iconv -f UTF-16 -t UTF-8" : "iconv -f UTF-16LE -t UTF-8", file, format);
  return std::nullopt;
}

/// A header without the delimiter, but with another that is in use.
std::optional<std::string> foreign_delimiter(std::string_view header, char delimiter) {
  if (header.find(delimiter) != std::string_view::npos || header.find('"') != std::string_view::npos)
    return std::nullopt;
  constexpr std::pair<char, std::string_view> others[] = {{'\t', "tabs: --delimiter tab"},
                                                          {';', "semicolons: --delimiter ';'"},
                                                          {'|', "bars: --delimiter '|'"},
                                                          {',', "commas: --delimiter ','"}};
  for (const auto& [other, help] : others)
    if (header.find(other) != std::string_view::npos)
      return "line 1: the header's names are separated by " + std::string(help);
  return std::nullopt;
}

}  // namespace

std::optional<std::string> foreign_input(std::string_view beginning, const std::string& file, Format format,
                                         const CsvDialect& dialect) {
  if (auto bytes = foreign_bytes(beginning, file, format)) return bytes;
  const auto first = beginning.find_first_not_of(blanks);
  const char c = first == std::string_view::npos ? '\0' : beginning[first];
  if (format == Format::ndjson) {
    if (c != '[') return std::nullopt;
    return "it is one JSON array; a line has to be an object: " + by_pipe("jq -c '.[]'", file, format);
  }
  if (c == '{' || c == '[') return "it looks like JSON: --format ndjson";
  const bool returns_alone =
      beginning.find('\r') != std::string_view::npos && beginning.find('\n') == std::string_view::npos;
  if (returns_alone)
    return "its lines end with carriage returns alone: " +
           by_pipe(file == "-" ? "tr '\\r' '\\n'" : "tr '\\r' '\\n' <", file, format);
  return foreign_delimiter(beginning.substr(0, beginning.find_first_of("\r\n")), dialect.delimiter);
}

}  // namespace shardplex::operations
