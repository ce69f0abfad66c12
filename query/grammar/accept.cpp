#include "query/grammar/accept.hpp"

#include <algorithm>
#include <utility>

#include "query/grammar/header_text.hpp"
#include "query/grammar/media_domain.hpp"
#include "shard_map/joined.hpp"

namespace shardplex {
namespace {

using namespace grammar;

struct MediaRow {
  std::string_view name;
  MediaKind kind;
};

// The first name of a kind is the one that errors have.
constexpr MediaRow media_rows[] = {
    {"*/*", MediaKind::any},
    {"application/*", MediaKind::any},
    {"application/json", MediaKind::json},
    {"application/vnd.pgrst.array+json", MediaKind::array},
    {"application/vnd.pgrst.array", MediaKind::array},
    {"application/vnd.pgrst.object+json", MediaKind::object},
    {"application/vnd.pgrst.object", MediaKind::object},
    {"text/csv", MediaKind::csv},
    {"application/x-ndjson", MediaKind::ndjson},
    {"application/geo+json", MediaKind::geojson},
    {"text/plain", MediaKind::text},
    {"text/xml", MediaKind::xml},
    {"application/octet-stream", MediaKind::octet_stream},
    {"application/openapi+json", MediaKind::openapi},
    {"application/x-www-form-urlencoded", MediaKind::form},
    {"application/vnd.pgrst.plan", MediaKind::plan},
    {"application/vnd.pgrst.plan+text", MediaKind::plan},
    {"application/vnd.pgrst.plan+json", MediaKind::plan},
};

std::string_view name_of(MediaKind kind) {
  const auto* row = std::ranges::find(media_rows, kind, &MediaRow::kind);
  return row == std::end(media_rows) ? "" : row->name;
}

struct PlanOptionRow {
  std::string_view name;
  bool PlanAsked::*option;
};

constexpr PlanOptionRow plan_option_rows[] = {
    {"analyze", &PlanAsked::analyze}, {"verbose", &PlanAsked::verbose}, {"settings", &PlanAsked::settings},
    {"buffers", &PlanAsked::buffers}, {"wal", &PlanAsked::wal},
};

/// A parameter's value without its quotes; a backslash in them makes the next character stand for itself.
std::string unquoted(std::string_view value) {
  if (value.size() < 2 || !value.starts_with('"') || !value.ends_with('"')) return std::string(value);
  std::string text;
  for (std::size_t i = 1; i + 1 < value.size(); ++i) {
    if (value[i] == '\\' && i + 2 < value.size()) ++i;
    text.push_back(value[i]);
  }
  return text;
}

void read_plan_parameter(std::string_view name, const std::string& value, PlanAsked& plan) {
  if (name == "for") {
    const MediaType of = read_media_type(value);
    plan.of = of.kind;
    plan.of_nulls_stripped = of.nulls_stripped;
  } else if (name == "options") {
    for_each_piece(value, '|', [&](std::string_view option) {
      if (const auto* row = find_row(plan_option_rows, lower(option))) plan.*(row->option) = true;
    });
  }
}

void read_parameter(std::string_view written, MediaType& type) {
  const auto [name, value] = name_and_value(written);
  const bool strips = type.kind == MediaKind::array || type.kind == MediaKind::object;
  if (strips && name == "nulls") type.nulls_stripped = lower(unquoted(value)) == "stripped";
  if (type.plan) read_plan_parameter(name, unquoted(value), *type.plan);
}

AcceptedType read_accepted(std::string_view text) {
  AcceptedType accepted{read_media_type(text)};
  accepted.specificity = -static_cast<int>(std::ranges::count(accepted.type.name, '*'));
  bool weighed = false;
  for_each_piece(text.substr(end_of_piece(text, ';')), ';', [&](std::string_view piece) {
    const auto [name, value] = name_and_value(piece);
    weighed = weighed || name == "q";
    if (name == "q") accepted.quality = quality_of(value);
    if (!weighed) ++accepted.specificity;
  });
  return accepted;
}

std::vector<AcceptedType> in_order_written(std::string_view header) {
  std::vector<AcceptedType> accepted;
  for_each_piece(header, ',', [&](std::string_view text) { accepted.push_back(read_accepted(text)); });
  return accepted;
}

bool goes_before(const AcceptedType& a, const AcceptedType& b) {
  return a.quality != b.quality ? a.quality > b.quality : a.specificity > b.specificity;
}

// ---- What is served.

std::optional<Shape> offer(const MediaType& type, bool features) {
  switch (type.kind) {
    case MediaKind::any:
    case MediaKind::json:
      return Shape::array;
    case MediaKind::array:
      return type.nulls_stripped ? Shape::stripped_array : Shape::array;
    case MediaKind::object:
      return type.nulls_stripped ? Shape::stripped_object : Shape::object;
    case MediaKind::csv:
      return Shape::csv;
    case MediaKind::ndjson:
      return Shape::ndjson;
    case MediaKind::geojson:
      return features ? std::optional(Shape::features) : std::nullopt;
    default:
      return std::nullopt;
  }
}

/// PostgREST's own types are what they are in every answer.
bool is_postgrests_own(const MediaType& type) {
  return type.plan || type.kind == MediaKind::object ||
         (type.kind == MediaKind::array && type.nulls_stripped);
}

/// Whether a value of `value_type`, "" where there is none, answers what is asked for.
bool value_answers(std::string_view value_type, const MediaType& asked) {
  if (value_type.empty() || is_postgrests_own(asked)) return false;
  if (value_type == any_media_type) return true;
  if (asked.kind == MediaKind::array) return value_type == name_of(MediaKind::json);
  return asked.name == value_type;
}

std::optional<AcceptedAnswer> offer(const MediaType& type, bool plans, bool features) {
  if (!type.plan) {
    const auto shape = offer(type, features);
    return shape ? std::optional(AcceptedAnswer{*shape}) : std::nullopt;
  }
  MediaType of;
  of.kind = type.plan->of;
  of.nulls_stripped = type.plan->of_nulls_stripped;
  const auto shape = plans ? offer(of, features) : std::nullopt;
  return shape ? std::optional(AcceptedAnswer{*shape, type.plan}) : std::nullopt;
}

/// A wildcard stands for an array, unless that is refused by name.
bool refuses_arrays(const std::vector<AcceptedType>& asked) {
  return std::ranges::any_of(asked, [](const AcceptedType& accepted) {
    return accepted.type.kind == MediaKind::json && accepted.quality <= 0;
  });
}

Error not_acceptable(std::string_view header, bool plans, bool features, std::string_view value_type) {
  std::string hint;
  if (!value_type.empty()) hint = std::string(value_type) + ", ";
  hint += "application/json, application/vnd.pgrst.array+json, application/vnd.pgrst.object+json, ";
  if (features) hint += "application/geo+json, ";
  hint += "text/csv and application/x-ndjson are available";
  std::vector<std::string> names;
  bool asks_for_features = false;
  for (const AcceptedType& accepted : in_order_written(header)) {
    names.push_back(to_string(accepted.type));
    asks_for_features = asks_for_features || accepted.type.kind == MediaKind::geojson;
  }
  std::optional<std::string> details;
  if (asks_for_features && !features)
    details = "application/geo+json is for rows of tables and views that have a column of PostGIS's types.";
  return {.code = "PGRST107",
          .message = "None of these media types are available: " + joined(names),
          .details = std::move(details),
          .hint = plans ? hint + ", and application/vnd.pgrst.plan for=\"…\" each of them" : hint,
          .status = std::nullopt};
}

}  // namespace

MediaType read_media_type(std::string_view text) {
  MediaType type;
  const std::size_t end = end_of_piece(text, ';');
  type.name = lower(trimmed(text.substr(0, end)));
  if (const MediaRow* row = find_row(media_rows, type.name)) type.kind = row->kind;
  if (type.kind == MediaKind::plan) {
    const bool json = type.name.ends_with("+json");
    type.plan.emplace().format = json ? PlanAsked::Format::json : PlanAsked::Format::text;
  }
  for_each_piece(text.substr(end), ';', [&](std::string_view piece) { read_parameter(piece, type); });
  return type;
}

std::string to_string(const MediaType& type) {
  constexpr std::string_view stripped = ";nulls=stripped";
  if (type.kind == MediaKind::other || type.kind == MediaKind::any) return type.name;
  if (!type.plan) return std::string(name_of(type.kind)) + std::string(type.nulls_stripped ? stripped : "");
  const PlanAsked& plan = *type.plan;
  std::string text = plan.format == PlanAsked::Format::json ? "application/vnd.pgrst.plan+json"
                                                            : "application/vnd.pgrst.plan+text";
  text +=
      "; for=\"" + std::string(name_of(plan.of)) + std::string(plan.of_nulls_stripped ? stripped : "") + '"';
  std::vector<std::string> options;
  for (const auto& row : plan_option_rows)
    if (plan.*(row.option)) options.emplace_back(row.name);
  return options.empty() ? text : text + "; options=" + joined(options, "|");
}

std::vector<AcceptedType> read_accept(std::string_view header) {
  auto accepted = in_order_written(header);
  std::ranges::stable_sort(accepted, goes_before);
  return accepted;
}

bool is_object(Shape shape) {
  return shape == Shape::object || shape == Shape::stripped_object;
}

std::string_view content_type(Shape shape) {
  switch (shape) {
    case Shape::array:
      break;
    case Shape::object:
      return "application/vnd.pgrst.object+json; charset=utf-8";
    case Shape::stripped_array:
      return "application/vnd.pgrst.array+json;nulls=stripped; charset=utf-8";
    case Shape::stripped_object:
      return "application/vnd.pgrst.object+json;nulls=stripped; charset=utf-8";
    case Shape::csv:
      return "text/csv; charset=utf-8";
    case Shape::ndjson:
      return "application/x-ndjson; charset=utf-8";
    case Shape::features:
      return "application/geo+json; charset=utf-8";
    case Shape::value:
      return "application/octet-stream";
  }
  return "application/json; charset=utf-8";
}

std::string content_type(const PlanAsked& plan) {
  MediaType type;
  type.kind = MediaKind::plan;
  type.plan = plan;
  return to_string(type) + "; charset=utf-8";
}

Result<AcceptedAnswer> parse_accept(std::optional<std::string_view> accept, bool plans, bool features,
                                    std::string_view value_type) {
  if (!accept || trimmed(*accept).empty())
    return AcceptedAnswer{value_type == any_media_type ? Shape::value : Shape::array};
  const auto asked = read_accept(*accept);
  const bool no_arrays = refuses_arrays(asked);
  for (const AcceptedType& accepted : asked) {
    if (accepted.quality <= 0) continue;
    if (value_answers(value_type, accepted.type)) return AcceptedAnswer{Shape::value};
    if (accepted.type.kind == MediaKind::any && no_arrays) continue;
    if (auto answer = offer(accepted.type, plans, features)) return *std::move(answer);
  }
  return not_acceptable(*accept, plans, features, value_type);
}

Result<Shape> parse_accept(std::optional<std::string_view> accept) {
  const auto answer = parse_accept(accept, false);
  if (!answer) return answer.error();
  return answer->shape;
}

std::string media_type(std::string_view field) {
  return lower(trimmed(field.substr(0, end_of_piece(field, ';'))));
}

}  // namespace shardplex
