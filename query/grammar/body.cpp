#include "query/grammar/body.hpp"

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "query/grammar/body_errors.hpp"

namespace shardplex {
namespace {

namespace json = boost::json;
using boost::system::error_code;
using grammar::bad_body;
using grammar::place_in;

/// Receives the events of Boost.JSON's parser, so that numbers keep the spelling they came in and nothing of
/// a big body is kept but what is watched. Text comes in parts, the last by the event itself.
class BodyReader {
 public:
  BodyReader(std::span<const std::string> watched, bool equal_keys, std::span<const std::string> noted)
      : watched_(watched), equal_keys_(equal_keys) {
    body_.watched.resize(watched.size());
    for (std::size_t i = 0; i < noted.size(); ++i) noted_.try_emplace(noted[i], i);
    shape_.resize(noted.size(), '0');
  }

  static constexpr std::size_t max_object_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_array_size = max_object_size;
  static constexpr std::size_t max_key_size = max_object_size;
  static constexpr std::size_t max_string_size = max_object_size;

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }

  bool on_object_begin(error_code& ec) {
    if (!on_nested(ec)) return false;
    ++depth_;
    if (depth_ == row_depth()) begin_row();
    return true;
  }

  bool on_object_end(std::size_t, error_code& ec) {
    const bool ends_row = depth_-- == row_depth();
    if (ends_row && !noted_.empty()) note_shape();
    return !ends_row || !equal_keys_ || keys_in_row_ == body_.keys.size() || refuse_uneven(ec);
  }

  bool on_array_begin(error_code& ec) {
    if (depth_ == 0)
      body_.is_array = true;
    else if (!on_nested(ec) || (depth_ < row_depth() && !refuse_item(ec)))
      return false;
    ++depth_;
    return true;
  }

  bool on_array_end(std::size_t, error_code&) {
    --depth_;
    return true;
  }

  bool on_key_part(json::string_view part, std::size_t, error_code&) { return add(part); }
  bool on_key(json::string_view part, std::size_t, error_code& ec) {
    add(part);
    const std::string key = take_text();
    return depth_ != row_depth() || on_member(key) || refuse_uneven(ec);
  }

  bool on_string_part(json::string_view part, std::size_t, error_code&) { return add(part); }
  bool on_string(json::string_view part, std::size_t, error_code& ec) { return on_text(part, ec); }
  bool on_number_part(json::string_view part, error_code&) { return add(part); }
  bool on_int64(std::int64_t, json::string_view part, error_code& ec) { return on_text(part, ec); }
  bool on_uint64(std::uint64_t, json::string_view part, error_code& ec) { return on_text(part, ec); }
  bool on_double(double, json::string_view part, error_code& ec) { return on_text(part, ec); }
  bool on_bool(bool value, error_code& ec) { return on_text(value ? "true" : "false", ec); }
  bool on_null(error_code& ec) { return on_value({BodyValue::Kind::null, ""}, ec); }
  bool on_comment_part(json::string_view, error_code&) { return true; }
  bool on_comment(json::string_view, error_code&) { return true; }

  std::optional<Error> take_refusal() { return std::move(refusal_); }
  Body take_body() { return std::move(body_); }

 private:
  /// Objects at this depth are rows.
  std::size_t row_depth() const { return body_.is_array ? 2 : 1; }

  void begin_row() {
    ++body_.rows;
    keys_in_row_ = 0;
    for (auto& column : body_.watched) column.emplace_back();
    shape_.assign(shape_.size(), '0');
  }

  void note_shape() {
    const auto [known, is_new] = shapes_.try_emplace(shape_, body_.shapes.size());
    if (is_new) body_.shapes.push_back(shape_);
    body_.shape_of_row.push_back(known->second);
  }

  /// False where the row must not have this key.
  bool on_member(const std::string& key) {
    const auto watched = std::ranges::find(watched_, key);
    current_ = watched == watched_.end()
                   ? nullptr
                   : &body_.watched[static_cast<std::size_t>(watched - watched_.begin())].back();
    if (const auto noted = noted_.find(key); noted != noted_.end()) shape_[noted->second] = '1';
    auto known = last_row_with_.find(key);
    if (known == last_row_with_.end()) {
      if (body_.rows > 1) return !equal_keys_;
      body_.keys.push_back(key);
      known = last_row_with_.emplace(key, 0).first;
    }
    if (known->second != body_.rows) ++keys_in_row_;
    known->second = body_.rows;
    return true;
  }

  bool on_nested(error_code& ec) {
    return depth_ < row_depth() || on_value({BodyValue::Kind::nested, ""}, ec);
  }

  bool on_text(json::string_view last_part, error_code& ec) {
    add(last_part);
    return on_value({BodyValue::Kind::text, take_text()}, ec);
  }

  bool on_value(BodyValue value, error_code& ec) {
    if (depth_ == 0) return refuse("Empty or invalid json", "the body has to be an object or an array", ec);
    if (depth_ < row_depth()) return refuse_item(ec);
    if (depth_ == row_depth() && current_) *current_ = std::move(value);
    return true;
  }

  bool add(json::string_view part) {
    text_.append(part.data(), part.size());
    return true;
  }

  std::string take_text() { return std::exchange(text_, {}); }

  bool refuse_uneven(error_code& ec) {
    return refuse("All object keys must match",
                  "row " + std::to_string(body_.rows) + " has other keys than the first", ec);
  }
  bool refuse_item(error_code& ec) {
    return refuse("All object keys must match", "an item of the array is not an object", ec);
  }

  bool refuse(const char* message, std::string details, error_code& ec) {
    refusal_ = bad_body(message, std::move(details));
    ec = make_error_code(boost::system::errc::invalid_argument);
    return false;
  }

  std::span<const std::string> watched_;
  bool equal_keys_;
  Body body_;
  std::map<std::string, std::size_t, std::less<>> last_row_with_;  // key of the first row -> row, from 1
  std::map<std::string_view, std::size_t> noted_;                  // column -> its place in shapes
  std::map<std::string, std::size_t> shapes_;                      // shape -> its index
  std::string shape_;                                              // of the current row
  std::size_t keys_in_row_ = 0;                                    // of those, met in the current row
  std::size_t depth_ = 0;
  std::string text_;
  BodyValue* current_ = nullptr;  // where the current member's value goes, if anywhere
  std::optional<Error> refusal_;
};

}  // namespace

Result<Body> read_body(std::string_view text, std::span<const std::string> watched, bool equal_keys,
                       std::span<const std::string> noted) {
  json::parse_options options;
  options.max_depth = 128;
  json::basic_parser<BodyReader> parser(options, watched, equal_keys, noted);
  error_code ec;
  const std::size_t read = parser.write_some(false, text.data(), text.size(), ec);
  if (auto refusal = parser.handler().take_refusal()) {
    *refusal->details += ": " + place_in(text, read);
    return *std::move(refusal);
  }
  if (!ec && read < text.size()) ec = json::error::extra_data;
  if (ec) return bad_body("Empty or invalid json", ec.message() + ": " + place_in(text, read));
  return parser.handler().take_body();
}

}  // namespace shardplex
