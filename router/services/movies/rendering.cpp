#include "router/services/movies/rendering.hpp"

#include <algorithm>
#include <boost/url/encode.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>
#include <utility>

#include "query/grammar/media_domain.hpp"
#include "router/services/movies/rows_body.hpp"
#include "shard_map/joined.hpp"

namespace shardplex::router {
namespace {

std::string percent_encode(std::string_view text) {
  return boost::urls::encode({text.data(), text.size()}, boost::urls::unreserved_chars);
}

/// Nobody knows how many rows the shards have that are missing.
Preferences without_count(Preferences preferences) {
  preferences.count_given = false;
  return preferences;
}

}  // namespace

bool wants_one_row(const TableRequest& request) {
  return request.is_row || is_object(request.shape);
}

Shape body_shape(const TableRequest& request) {
  if (request.is_row && request.shape == Shape::array) return Shape::object;
  if (request.is_row && request.shape == Shape::stripped_array) return Shape::stripped_object;
  return request.shape;
}

void set_content_type(Answer& answer, const TableRequest& request) {
  answer.is_content = true;
  if (request.shape == Shape::value) {
    answer.content_type = {};
    answer.set("Content-Type", content_type_of_value(request.value_type));
    return;
  }
  const Shape shape = body_shape(request);
  // An object that was not asked for by its own type is plain JSON.
  answer.content_type = content_type(request.shape == Shape::array ? Shape::array : shape);
}

void set_missing(Answer& answer, const TableRequest& request) {
  const auto& missing = request.context.partial.missing;
  if (missing.empty()) return;
  answer.status = 206;
  answer.set("Shardplex-Missing-Shards", joined(missing, ","));
  answer.set("Cache-Control", "no-store");
  request.context.worker.metrics().partial_answers.add();
}

void set_preferences(Answer& answer, const TableRequest& request, bool is_write) {
  const auto& prefer = request.prefer;
  const auto applied = request.context.partial.missing.empty()
                           ? preference_applied(prefer, is_write)
                           : preference_applied(without_count(prefer), is_write);
  if (!applied.empty()) answer.set("Preference-Applied", applied);
}

void set_warning(Answer& answer, const TableRequest& request) {
  std::string names;
  for (const auto& name : request.query.named_by_table)
    names += (names.empty() ? "" : ", ") + percent_encode(name);
  if (!names.empty())
    answer.set("Warning", "299 - \"Embeds with an alias are to be named by it in parameters: " + names + '"');
}

Result<void> set_row(Answer& answer, const TableRequest& request, std::string header, std::string row) {
  const Shape shape = body_shape(request);
  set_content_type(answer, request);
  if (shape == Shape::object) {  // which is the row itself, and need not be copied
    answer.body = std::move(row);
    return {};
  }
  answer.body.reserve(header.size() + row.size() + 2);
  RowsBody body(shape, std::move(header));
  if (auto added = body.add(answer.body, row); !added) return added;
  body.end(answer.body);
  return {};
}

void set_no_rows(Answer& answer, const TableRequest& request) {
  set_content_type(answer, request);
  RowsBody(body_shape(request), "").end(answer.body);
}

Result<void> set_representation(Answer& answer, const TableRequest& request, const std::string& header,
                                const std::optional<postgres::ResultSet>& rows) {
  set_content_type(answer, request);
  RowsBody body(body_shape(request), header);
  for (int row = 0; rows && row < rows->rows(); ++row) {
    if (rows->is_null(row, 0)) continue;  // left out
    if (auto added = body.add(answer.body, rows->bytes(row, 0)); !added) return added;
  }
  body.end(answer.body);
  return {};
}

Result<void> set_representation(Answer& answer, const TableRequest& request, const std::string& header,
                                const std::vector<std::string>& rows) {
  set_content_type(answer, request);
  RowsBody body(body_shape(request), header);
  for (const auto& row : rows)
    if (auto added = body.add(answer.body, row); !added) return added;
  body.end(answer.body);
  return {};
}

void set_not_shown(Answer& answer, const Error& why) {
  answer.set("Warning",
             "299 - \"The write has been made. Its rows are not shown, because rows of other shards could "
             "not be looked up: " +
                 why.code + '"');
}

std::string content_range(std::uint64_t offset, std::uint64_t rows, std::optional<std::int64_t> total) {
  const auto size = total ? std::to_string(*total) : "*";
  if (rows == 0) return "*/" + size;
  return std::to_string(offset) + "-" + std::to_string(offset + rows - 1) + "/" + size;
}

std::string location(const TableRequest& request, const WritePlan& plan, const postgres::ResultSet& row) {
  std::string out = "/" + percent_encode(request.table->name);
  for (std::size_t i = 0; i < plan.primary_key_columns.size(); ++i)
    out += (i == 0 ? "?" : "&") + percent_encode(plan.primary_key_columns[i]) + "=eq." +
           percent_encode(row.bytes(0, static_cast<int>(i)));
  return out;
}

void set_location(Answer& answer, const TableRequest& request, const WritePlan& plan,
                  const postgres::ResultSet& row) {
  constexpr std::size_t longest_field = 32 * 1024;
  const auto where = location(request, plan, row);
  if (where.size() <= std::min(request.context.worker.settings().limits.url_bytes, longest_field))
    answer.set("Location", where);
}

Error not_one_row(std::uint64_t rows) {
  return {"PGRST116", "Cannot coerce the result to a single JSON object",
          "The result contains " + std::to_string(rows) + " rows", std::nullopt, std::nullopt};
}

Error too_many_rows(std::uint64_t rows) {
  return {"PGRST124", "Query result exceeds max-affected preference constraint",
          "The query affects " + std::to_string(rows) + " rows", std::nullopt, std::nullopt};
}

Error absent_row(const TableRequest& request) {
  return {"PGRST116", "Table " + request.table->name + " has no row with this key",
          "The result contains 0 rows", std::nullopt, 404};
}

Error range_not_satisfiable(std::uint64_t offset, std::int64_t total) {
  return {"PGRST103", "Requested range not satisfiable",
          "An offset of " + std::to_string(offset) + " was requested, but there are only " +
              std::to_string(total) + " rows.",
          std::nullopt, std::nullopt};
}

}  // namespace shardplex::router
