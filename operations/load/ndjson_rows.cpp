// NDJSON: one JSON object per line. Parsed as a stream of events straight into PostgreSQL input text, so that
// a number keeps every digit it was written with, and no tree is built.
#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/serialize.hpp>

#include "operations/load/row.hpp"

namespace shardplex::operations {
namespace {

namespace json = boost::json;

/// Turns the events of one object into the fields of a row. Depth 1 is inside the object, deeper is inside a
/// value.
class RowHandler {
 public:
  static constexpr std::size_t max_array_size = std::size_t(-1);
  static constexpr std::size_t max_object_size = std::size_t(-1);
  static constexpr std::size_t max_string_size = std::size_t(-1);
  static constexpr std::size_t max_key_size = std::size_t(-1);

  explicit RowHandler(const RowColumns& columns) : columns_(columns) {}

  void start(Row& row) {
    row_ = &row;
    row.resize(columns_.size());
    for (auto& field : row) field.state = Field::State::absent;
    problem_.clear();
    has_elements_.clear();
    text_.clear();
    after_key_ = false;
    next_column_ = 0;
  }

  const std::string& problem() const { return problem_; }

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code& ec) { return open('{', ec); }
  bool on_object_end(std::size_t, json::error_code&) { return close('}'); }
  bool on_array_begin(json::error_code& ec) { return open('[', ec); }
  bool on_array_end(std::size_t, json::error_code&) { return close(']'); }
  bool on_key_part(json::string_view part, std::size_t, json::error_code&) { return collect(part); }
  bool on_key(json::string_view part, std::size_t, json::error_code& ec) {
    collect(part);
    return depth() == 1 ? column_key(ec) : nested_key();
  }
  bool on_string_part(json::string_view part, std::size_t, json::error_code&) { return collect(part); }
  bool on_string(json::string_view part, std::size_t, json::error_code& ec) {
    collect(part);
    const bool good = scalar(Scalar::string, text_, ec);
    text_.clear();
    return good;
  }
  bool on_number_part(json::string_view part, json::error_code&) { return collect(part); }
  bool on_int64(std::int64_t, json::string_view part, json::error_code& ec) { return number(part, ec); }
  bool on_uint64(std::uint64_t, json::string_view part, json::error_code& ec) { return number(part, ec); }
  bool on_double(double, json::string_view part, json::error_code& ec) { return number(part, ec); }
  bool on_bool(bool value, json::error_code& ec) {
    return scalar(Scalar::literal, value ? "true" : "false", ec);
  }
  bool on_null(json::error_code& ec) { return scalar(Scalar::null, "null", ec); }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

 private:
  using Kind = RowColumns::Kind;
  enum class Scalar : std::uint8_t { null, literal, string };

  std::size_t depth() const { return has_elements_.size(); }
  Kind kind() const { return columns_[column_].kind; }
  std::string& field_text() { return (*row_)[column_].text; }
  // Elements of a json[] are collected apart: they are quoted as a whole.
  std::string& json_text() { return kind() == Kind::json_array ? element_ : field_text(); }

  bool fail(std::string problem, json::error_code& ec) {
    problem_ = std::move(problem);
    ec = json::error::syntax;
    return false;
  }

  bool fail_type(std::string_view given, json::error_code& ec) {
    return fail("column " + columns_[column_].name + ": " + std::string(given) + " does not fit " +
                    columns_[column_].type,
                ec);
  }

  bool collect(json::string_view part) {
    text_.append(part.data(), part.size());
    return true;
  }

  bool column_key(json::error_code& ec) {
    const auto column = columns_.find(text_, next_column_);
    if (!column || columns_[*column].generated) return fail(*columns_.refusal(text_), ec);
    if ((*row_)[*column].state != Field::State::absent)
      return fail("column " + text_ + " is given twice", ec);
    column_ = *column;
    next_column_ = column_ + 1;
    text_.clear();
    return true;
  }

  bool nested_key() {
    separate(json_text());
    json_text() += json::serialize(json::string_view(text_)) + ":";
    text_.clear();
    after_key_ = true;
    return true;
  }

  void separate(std::string& out) {
    if (has_elements_.back()) out += ',';
    has_elements_.back() = true;
  }

  // The text that the value about to come belongs to, separated from the value before it.
  std::string& place_for_value() {
    if (kind() == Kind::json_array && depth() == 2) {
      separate(field_text());
      element_.clear();
      return element_;
    }
    std::string& out = json_text();
    if (!after_key_) separate(out);
    after_key_ = false;
    return out;
  }

  void end_of_value() {
    if (kind() == Kind::json_array && depth() == 2) append_array_element(element_);
  }

  void append_array_element(std::string_view value) {
    std::string& out = field_text();
    out += '"';
    for (const char c : value) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    out += '"';
  }

  bool number(json::string_view part, json::error_code& ec) {
    collect(part);
    const bool good = scalar(Scalar::literal, text_, ec);
    text_.clear();
    return good;
  }

  bool scalar(Scalar which, std::string_view value, json::error_code& ec) {
    if (depth() == 0) return fail("a row has to be a JSON object", ec);
    if (depth() == 1) {
      Field& field = (*row_)[column_];
      if (which == Scalar::null)
        field.state = Field::State::null;
      else if (which == Scalar::string && kind() == Kind::json)
        field.set(json::serialize(json::string_view(value)));
      else
        field.set(value);
      return true;
    }
    std::string& out = place_for_value();
    if (kind() == Kind::array) {
      if (which == Scalar::null)
        out += "NULL";
      else
        append_array_element(value);
    } else {
      out += which == Scalar::string ? json::serialize(json::string_view(value)) : std::string(value);
      end_of_value();
    }
    return true;
  }

  bool open(char bracket, json::error_code& ec) {
    if (depth() == 0) {
      if (bracket == '[') return fail("a row has to be a JSON object, not an array: one object per line", ec);
    } else if (depth() == 1) {
      const bool fits = kind() == Kind::json || (kind() != Kind::scalar && bracket == '[');
      if (!fits) return fail_type(bracket == '[' ? "an array" : "an object", ec);
      (*row_)[column_].set(kind() == Kind::json ? std::string_view(&bracket, 1) : "{");
    } else {
      if (kind() == Kind::array && bracket == '{') return fail_type("an array of objects", ec);
      place_for_value() += kind() == Kind::array ? '{' : bracket;
    }
    has_elements_.push_back(false);
    return true;
  }

  bool close(char bracket) {
    has_elements_.pop_back();
    if (depth() == 0) return true;
    const bool literal = kind() == Kind::array || (kind() == Kind::json_array && depth() == 1);
    (literal ? field_text() : json_text()) += literal ? '}' : bracket;
    if (depth() >= 2) end_of_value();
    return true;
  }

  const RowColumns& columns_;
  Row* row_ = nullptr;
  std::string problem_;
  std::vector<bool> has_elements_;  // by open bracket
  std::string text_;                // of the key, string or number being read
  std::string element_;             // of a json[]
  bool after_key_ = false;
  std::size_t column_ = 0;
  std::size_t next_column_ = 0;
};

class NdjsonReader : public RowReader {
 public:
  explicit NdjsonReader(const RowColumns& columns) : parser_(json::parse_options(), columns) {}

  void start(const InputBlock& block) override {
    rest_ = block.text;
    line_ = block.first_line;
  }

  std::optional<ReadRow> next(Row& row) override {
    while (!rest_.empty()) {
      const auto end = std::min(rest_.find('\n'), rest_.size());
      const auto text = rest_.substr(0, end);
      rest_.remove_prefix(std::min(end + 1, rest_.size()));
      const ReadRow read{line_++, std::nullopt};
      if (text.find_first_not_of(" \t\r") == std::string_view::npos) continue;
      return ReadRow{read.line, parse(text, row)};
    }
    return std::nullopt;
  }

 private:
  std::optional<std::string> parse(std::string_view text, Row& row) {
    parser_.reset();
    parser_.handler().start(row);
    json::error_code error;
    const std::size_t used = parser_.write_some(false, text.data(), text.size(), error);
    if (!parser_.handler().problem().empty()) return parser_.handler().problem();
    if (error) return "malformed JSON at character " + std::to_string(used + 1) + ": " + error.message();
    if (used < text.size()) return "text follows the JSON object at character " + std::to_string(used + 1);
    return std::nullopt;
  }

  json::basic_parser<RowHandler> parser_;
  std::string_view rest_;
  std::uint64_t line_ = 1;
};

}  // namespace

std::unique_ptr<RowReader> make_ndjson_reader(const RowColumns& columns) {
  return std::make_unique<NdjsonReader>(columns);
}

}  // namespace shardplex::operations
