#include "query/grammar/csv_body.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cstddef>
#include <map>
#include <optional>
#include <utility>

#include "query/grammar/body_errors.hpp"
#include "shard_map/utf8.hpp"

namespace shardplex {
namespace {

using grammar::bad_body;
using grammar::place_in;

/// What PostgreSQL allows of a table.
constexpr std::size_t most_columns = 1'600;

Error malformed_csv(std::string_view csv, std::size_t byte, const std::string& why) {
  return bad_body("Empty or invalid csv", why + ": " + place_in(csv, byte));
}

/// Goes through the fields of a CSV, line by line. Lines end by LF, CR LF or CR.
class CsvFields {
 public:
  explicit CsvFields(std::string_view csv) : csv_(csv) {}

  bool at_end() const { return at_ == csv_.size(); }
  std::size_t position() const { return at_; }

  /// Goes over empty lines, which are no rows.
  void skip_empty_lines() {
    while (!at_end() && is_line_end(csv_[at_])) ++at_;
  }

  /// The next field; whether the line goes on behind it.
  Result<bool> next(std::string& field) {
    field.clear();
    if (!at_end() && csv_[at_] == '"') {
      if (!take_quoted(field)) return malformed_csv(csv_, csv_.size(), "a quote is not closed");
    } else {
      const auto end = std::min(csv_.find_first_of(",\r\n\"", at_), csv_.size());
      field = csv_.substr(at_, end - at_);
      at_ = end;
    }
    if (at_end()) return false;
    const char behind = csv_[at_];
    if (behind != ',' && !is_line_end(behind))
      return malformed_csv(
          csv_, at_,
          behind == '"' ? "a quote is not where a field begins" : "text stands behind a closing quote");
    ++at_;
    if (behind == ',') return true;
    if (behind == '\r' && !at_end() && csv_[at_] == '\n') ++at_;
    return false;
  }

 private:
  static bool is_line_end(char c) { return c == '\n' || c == '\r'; }

  /// False where the quote is not closed. Doubled quotes are one.
  bool take_quoted(std::string& field) {
    ++at_;
    while (true) {
      const auto end = csv_.find('"', at_);
      if (end == std::string_view::npos) return false;
      field += csv_.substr(at_, end - at_);
      at_ = end + 1;
      if (at_end() || csv_[at_] != '"') return true;
      field += '"';
      ++at_;
    }
  }

  std::string_view csv_;
  std::size_t at_ = 0;
};

/// Where the fields of one column go.
struct CsvColumn {
  std::string name;
  bool counts = true;                  ///< no later column has its name
  std::optional<std::size_t> watched;  ///< which of the watched it is
};

class CsvReader {
 public:
  CsvReader(std::string_view csv, std::span<const std::string> watched)
      : csv_(csv), fields_(csv), watched_(watched) {
    rows_.body.is_array = true;
    rows_.body.watched.resize(watched.size());
  }

  Result<CsvRows> read() {
    if (const auto valid = valid_utf8_prefix(csv_); valid < csv_.size())
      return malformed_csv(csv_, valid, "the text is not UTF-8");
    fields_.skip_empty_lines();
    if (auto named = read_names(); !named) return named.error();
    rows_.json = '[';
    for (fields_.skip_empty_lines(); !fields_.at_end(); fields_.skip_empty_lines())
      if (auto added = read_row(); !added) return added.error();
    rows_.json += ']';
    if (rows_.body.rows > 0) name_keys();
    return std::move(rows_);
  }

 private:
  Result<void> read_names() {
    if (fields_.at_end()) return malformed_csv(csv_, csv_.size(), "the first line names the columns");
    std::map<std::string, std::size_t> last;
    for (bool goes_on = true; goes_on;) {
      const auto more = fields_.next(field_);
      if (!more) return more.error();
      goes_on = *more;
      if (columns_.size() == most_columns)
        return malformed_csv(
            csv_, fields_.position(),
            "there are more columns than a table can have (" + std::to_string(most_columns) + ')');
      CsvColumn& column = columns_.emplace_back();
      column.name = field_;
      const auto [before, is_first] = last.try_emplace(column.name, columns_.size() - 1);
      if (!is_first) columns_[std::exchange(before->second, columns_.size() - 1)].counts = false;
      const auto watched = std::ranges::find(watched_, column.name);
      if (watched != watched_.end()) column.watched = static_cast<std::size_t>(watched - watched_.begin());
    }
    return {};
  }

  Result<void> read_row() {
    const auto begin = fields_.position();
    ++rows_.body.rows;
    for (auto& values : rows_.body.watched) values.emplace_back();
    rows_.json += rows_.body.rows == 1 ? "{" : ",{";
    is_empty_ = true;
    std::size_t count = 0;
    for (bool goes_on = true; goes_on; ++count) {
      const auto more = fields_.next(field_);
      if (!more) return more.error();
      goes_on = *more;
      if (count < columns_.size() && columns_[count].counts) add_value(count);
    }
    rows_.json += '}';
    if (count == columns_.size()) return {};
    return bad_body("All lines must have same number of fields",
                    "a line has " + std::to_string(count) + " and the first has " +
                        std::to_string(columns_.size()) + ": " + place_in(csv_, begin));
  }

  void add_value(std::size_t index) {
    const bool is_null = field_ == "NULL";
    if (const auto watched = columns_[index].watched) {
      BodyValue& value = rows_.body.watched[*watched].back();
      value.kind = is_null ? BodyValue::Kind::null : BodyValue::Kind::text;
      if (!is_null) value.text = field_;
      return;
    }
    rows_.json += std::exchange(is_empty_, false) ? "\"" : ",\"";
    rows_.json += std::to_string(index);
    rows_.json += "\":";
    if (is_null)
      rows_.json += "null";
    else
      rows_.json += boost::json::serialize(boost::json::string_view(field_.data(), field_.size()));
  }

  void name_keys() {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (!columns_[i].counts) continue;
      rows_.body.keys.push_back(columns_[i].name);
      rows_.members.push_back(std::to_string(i));
    }
  }

  std::string_view csv_;
  CsvFields fields_;
  std::span<const std::string> watched_;
  std::vector<CsvColumn> columns_;
  std::string field_;
  bool is_empty_ = true;  // the current row, in the JSON
  CsvRows rows_;
};

}  // namespace

Result<CsvRows> read_csv(std::string_view csv, std::span<const std::string> watched) {
  return CsvReader(csv, watched).read();
}

}  // namespace shardplex
