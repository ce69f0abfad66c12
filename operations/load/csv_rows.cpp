// CSV as in RFC 4180: fields may be quoted, quotes inside are doubled. An empty field is null unless it is
// quoted. As in PostgreSQL's COPY, all lines end as the first does, and a carriage return that is no part of
// a line's end has to be quoted.
#include <algorithm>
#include <span>

#include "operations/load/row.hpp"
#include "operations/process/failure.hpp"
#include "query/plan/sql.hpp"

namespace shardplex::operations {
namespace {

struct CsvField {
  std::string text;
  bool quoted = false;
};

/// Splits records as InputBlocks finds their ends, so that a malformed record never swallows the next.
class CsvRecords {
 public:
  explicit CsvRecords(const CsvDialect& dialect)
      : separators_{dialect.delimiter, '\n'}, crlf_(dialect.crlf), quotes_(dialect.quotes) {}

  void start(const InputBlock& block) {
    rest_ = block.text;
    line_ = block.first_line;
  }

  /// The next record that is not a blank line, or nullopt; its fields are in fields().
  std::optional<ReadRow> next() {
    while (!rest_.empty()) {
      ReadRow read{line_, std::nullopt};
      read_record(read.problem);
      const bool blank = count_ == 1 && !fields_[0].quoted && fields_[0].text.empty();
      if (!blank) return read;
    }
    return std::nullopt;
  }

  std::size_t field_count() const { return count_; }
  const CsvField& field(std::size_t i) const { return fields_[i]; }

 private:
  CsvField& new_field() {
    if (count_ == fields_.size()) fields_.emplace_back();
    CsvField& field = fields_[count_++];
    field.text.clear();
    field.quoted = false;
    return field;
  }

  void read_record(std::optional<std::string>& problem) {
    count_ = 0;
    bool more = true;
    while (more) {
      CsvField& field = new_field();
      if (quotes_ && rest_.starts_with('"')) read_quoted(field, problem);
      more = read_unquoted(field, problem);
    }
  }

  void read_quoted(CsvField& field, std::optional<std::string>& problem) {
    field.quoted = true;
    rest_.remove_prefix(1);
    for (;;) {
      const auto quote = rest_.find('"');
      const auto piece = rest_.substr(0, quote);
      field.text += piece;
      line_ += static_cast<std::uint64_t>(std::ranges::count(piece, '\n'));
      rest_.remove_prefix(piece.size());
      if (quote == std::string_view::npos) {
        problem = "a quote is not closed";
        return;
      }
      rest_.remove_prefix(1);
      if (!rest_.starts_with('"')) return;
      field.text += '"';
      rest_.remove_prefix(1);
    }
  }

  /// Reads up to the field's end; true where another field of the record follows. After a quoted field
  /// nothing but the line's end may be found here.
  bool read_unquoted(CsvField& field, std::optional<std::string>& problem) {
    const auto end = std::min(rest_.find_first_of(separators_), rest_.size());
    auto piece = rest_.substr(0, end);
    const bool last = end == rest_.size() || rest_[end] == '\n';
    const bool at_end = end == rest_.size();
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    if (last) ++line_;
    if (last) end_line(piece, at_end, problem);
    if (piece.find('\r') != std::string_view::npos && !problem)
      problem = "a carriage return outside quotes; where it is part of a value, quote the field";
    if (field.quoted && !piece.empty() && !problem) problem = "text follows the closing quote of a field";
    if (quotes_ && !field.quoted && piece.find('"') != std::string_view::npos && !problem)
      problem = "a quote inside a field that is not quoted (--no-quotes takes quotes for text)";
    if (!field.quoted) field.text = piece;
    return !last;
  }

  /// Takes the carriage return off the end of a line that has to have one.
  void end_line(std::string_view& piece, bool at_end, std::optional<std::string>& problem) const {
    if (crlf_ && piece.ends_with('\r'))
      piece.remove_suffix(1);
    else if (crlf_ && !at_end && !problem)
      problem = "a line feed outside quotes, where lines end with carriage return and line feed";
  }

  std::string separators_;
  bool crlf_;
  bool quotes_;
  std::string_view rest_;
  std::uint64_t line_ = 1;
  std::vector<CsvField> fields_;  // kept between records for their memory
  std::size_t count_ = 0;
};

bool holds_list(const RowColumns::Entry& column) {
  return column.kind == RowColumns::Kind::array || column.kind == RowColumns::Kind::json_array;
}

/// "Drama|Comedy" as the array literal of its elements; of nothing the empty array.
std::string list_as_array(std::string_view text, char separator) {
  std::vector<std::optional<std::string_view>> elements;
  while (!text.empty() || !elements.empty()) {
    const auto end = text.find(separator);
    elements.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return array_literal(std::span<const std::optional<std::string_view>>(elements));
}

class CsvReader : public RowReader {
 public:
  CsvReader(const RowColumns& columns, std::vector<std::size_t> header, CsvDialect dialect)
      : columns_(columns), header_(std::move(header)), dialect_(std::move(dialect)), records_(dialect_) {}

  void start(const InputBlock& block) override { records_.start(block); }

  std::optional<ReadRow> next(Row& row) override {
    auto read = records_.next();
    if (!read || read->problem) return read;
    if (records_.field_count() != header_.size()) {
      read->problem = std::to_string(records_.field_count()) + " fields, the header has " +
                      std::to_string(header_.size());
      return read;
    }
    row.resize(columns_.size());
    for (auto& field : row) field.state = Field::State::absent;
    for (std::size_t i = 0; i < header_.size(); ++i) {
      const CsvField& from = records_.field(i);
      if (is_backslash_n(from)) {
        read->problem =
            "column " + columns_[header_[i]].name +
            ": \\N, which stands for null elsewhere; give --null '\\N', or quote it where it is text";
        return read;
      }
      if (from.text == dialect_.null_text && !from.quoted)
        row[header_[i]].state = Field::State::null;
      else if (dialect_.list_separator && holds_list(columns_[header_[i]]))
        row[header_[i]].set(list_as_array(from.text, *dialect_.list_separator));
      else
        row[header_[i]].set(from.text);
    }
    return read;
  }

 private:
  /// PostgreSQL's text format and many programs write null so; COPY … CSV would take it for text.
  bool is_backslash_n(const CsvField& field) const {
    return field.text == "\\N" && !field.quoted && dialect_.null_text.empty();
  }

  const RowColumns& columns_;
  std::vector<std::size_t> header_;
  CsvDialect dialect_;
  CsvRecords records_;
};

}  // namespace

std::unique_ptr<RowReader> make_csv_reader(const RowColumns& columns, std::vector<std::size_t> header,
                                           CsvDialect dialect) {
  return std::make_unique<CsvReader>(columns, std::move(header), std::move(dialect));
}

std::vector<std::size_t> csv_header(const RowColumns& columns, const InputBlock& header,
                                    const CsvDialect& dialect) {
  CsvRecords records(dialect);
  records.start(header);
  const auto read = records.next();
  if (!read) throw CommandFailed("line 1: a header is expected");
  if (read->problem) throw CommandFailed("line 1: " + *read->problem);
  std::vector<std::size_t> named;
  std::vector<std::string> problems;
  for (std::size_t i = 0; i < records.field_count(); ++i) {
    const std::string& name = records.field(i).text;
    const auto refusal = columns.refusal(name);
    if (refusal)
      problems.push_back("line 1: " + *refusal);
    else if (std::ranges::find(named, *columns.find(name)) != named.end())
      problems.push_back("line 1: column " + name + " is named twice");
    else
      named.push_back(*columns.find(name));
  }
  if (!problems.empty()) throw CommandFailed(std::move(problems));
  if (dialect.list_separator && std::ranges::none_of(named, [&](auto i) { return holds_list(columns[i]); }))
    throw CommandFailed("line 1: --list-separator is for arrays, and none of the header's columns is one");
  return named;
}

}  // namespace shardplex::operations
