// The CSV of a load, with its header, as each of several dialects.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "operations/load/row.hpp"
#include "operations/process/failure.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace shardplex::fuzz {
namespace {

using operations::CsvDialect;

// Blocks are filled whole: of those of a load most would be zeros.
constexpr std::size_t large_block = 1 << 14;

Column column_of(std::string name, std::string type, std::string type_name) {
  Column column;
  column.name = std::move(name);
  column.type = std::move(type);
  column.type_name = std::move(type_name);
  column.type_schema = "pg_catalog";
  return column;
}

const operations::RowColumns& columns() {
  static const operations::RowColumns all = [] {
    Table table;
    table.name = "movies";
    table.columns = {column_of("id", "bigint", "int8"), column_of("name", "text", "text"),
                     column_of("genre", "text[]", "_text"), column_of("extra", "jsonb", "jsonb"),
                     column_of("made", "text", "text")};
    table.columns.back().generated = true;
    return operations::RowColumns(table);
  }();
  return all;
}

struct CsvRow {
  std::uint64_t line = 0;
  std::optional<std::string> problem;
  std::vector<std::string> fields;  ///< "-" is absent, "0" null, else "=" and the text

  bool operator==(const CsvRow&) const = default;
};

struct CsvRows {
  std::vector<std::string> refusals;  ///< of the header
  std::vector<std::size_t> header;
  std::vector<CsvRow> rows;

  bool operator==(const CsvRows&) const = default;
};

CsvRow shown(const operations::ReadRow& read, const operations::Row& row) {
  CsvRow one{read.line, read.problem, {}};
  if (read.problem) return one;
  using State = operations::Field::State;
  for (const auto& field : row)
    one.fields.push_back(field.state == State::absent ? "-"
                         : field.state == State::null ? "0"
                                                      : '=' + field.text);
  return one;
}

CsvRows read_csv(std::string_view text, const CsvDialect& dialect, std::size_t block_bytes) {
  std::istringstream in{std::string(text)};
  operations::InputBlocks blocks(in, operations::Format::csv, block_bytes, dialect.delimiter, dialect.quotes);
  CsvRows all;
  const auto first = blocks.first_record();
  if (!first) return all;
  try {
    all.header = operations::csv_header(columns(), *first, dialect);
  } catch (const operations::CommandFailed& refused) {
    all.refusals = refused.problems;
    return all;
  }
  const auto reader = operations::make_csv_reader(columns(), all.header, dialect);
  operations::Row row;
  while (const auto block = blocks.next()) {
    reader->start(*block);
    while (const auto read = reader->next(row)) all.rows.push_back(shown(*read, row));
  }
  return all;
}

void check_rows(const CsvRows& read) {
  std::uint64_t before = 0;
  for (const auto& row : read.rows) {
    invariant(row.line > before, "a record begins on a line of its own");
    before = row.line;
    invariant(!row.problem || !row.problem->empty(), "what is wrong with a row is told");
    if (row.problem) continue;
    invariant(row.fields.size() == columns().size(), "a row has each column");
    std::vector<bool> given(columns().size(), false);
    for (const auto column : read.header) given[column] = true;
    for (std::size_t i = 0; i < given.size(); ++i)
      invariant((row.fields[i] == "-") != given[i], "what the header names is given, and nothing else");
  }
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + '"';
}

/// The rows that are right, as CSV of which nothing is left to a dialect.
std::string written(const CsvRows& read) {
  std::string text;
  for (const auto column : read.header) text += (text.empty() ? "" : ",") + quoted(columns()[column].name);
  text += '\n';
  for (const auto& row : read.rows) {
    if (row.problem) continue;
    std::string line;
    for (std::size_t i = 0; i < read.header.size(); ++i) {
      const auto& field = row.fields[read.header[i]];
      line += (i == 0 ? "" : ",") + (field == "0" ? "" : quoted(std::string_view(field).substr(1)));
    }
    text += line + '\n';
  }
  return text;
}

void check_again(const CsvRows& read) {
  const auto again = read_csv(written(read), CsvDialect{}, large_block);
  invariant(again.refusals.empty() && again.header == read.header, "the header is read as it was written");
  std::size_t at = 0;
  for (const auto& row : read.rows) {
    if (row.problem) continue;
    invariant(at < again.rows.size() && again.rows[at].fields == row.fields,
              "a row is read as it was written");
    ++at;
  }
  invariant(at == again.rows.size(), "no row comes of none");
}

}  // namespace

void take(std::string_view input) {
  // A mark of the byte order, three bytes at the beginning, is looked for in the first block.
  constexpr std::size_t least_block = 3;
  const CsvDialect plain{}, crlf{',', "", true}, without_quotes{',', "", false, false}, tabs{'\t', "\\N"},
      lists{',', "", false, true, '|'};
  for (const auto* dialect : {&plain, &crlf, &without_quotes, &tabs, &lists}) {
    const auto read = read_csv(input, *dialect, large_block);
    check_rows(read);
    invariant(read_csv(input, *dialect, least_block) == read, "blocks of any size have the same rows");
    const bool is_refused = !read.refusals.empty() || read.header.empty();
    if (!is_refused && dialect != &tabs && dialect != &lists) check_again(read);
  }
}

}  // namespace shardplex::fuzz
