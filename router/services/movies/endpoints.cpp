#include "router/services/movies/endpoints.hpp"

#include <algorithm>
#include <array>
#include <boost/beast/http/verb.hpp>
#include <charconv>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "router/log.hpp"
#include "router/services/movies/table_request.hpp"

namespace shardplex::router {
namespace {

using Endpoint = Awaitable<Result<void>> (*)(TableRequest&);

/// What a path names: /table or /table/{key}.
enum class PathKind : std::uint8_t { table, row };

struct EndpointEntry {
  PathKind path;
  http::verb method;
  Endpoint handle;
  bool takes_query;  ///< its URL parameters are a query; POST /table/{key} does not exist
};

constexpr std::array<EndpointEntry, 13> endpoints{{
    {PathKind::table, http::verb::get, &read_rows, true},
    {PathKind::table, http::verb::head, &read_rows, true},
    {PathKind::table, http::verb::options, &describe_methods, false},
    {PathKind::table, http::verb::post, &insert_rows, true},
    {PathKind::table, http::verb::patch, &update_rows, true},
    {PathKind::table, http::verb::put, &put_row, true},
    {PathKind::table, http::verb::delete_, &delete_rows, true},
    {PathKind::row, http::verb::get, &read_rows, true},
    {PathKind::row, http::verb::head, &read_rows, true},
    {PathKind::row, http::verb::options, &describe_methods, false},
    {PathKind::row, http::verb::patch, &update_rows, true},
    {PathKind::row, http::verb::put, &put_row, true},
    {PathKind::row, http::verb::delete_, &delete_rows, true},
}};

std::size_t method_label(http::verb method) {
  const auto name = http::to_string(method);
  for (std::size_t i = 0; i + 1 < method_labels.size(); ++i)
    if (name == method_labels[i]) return i;
  return method_labels.size() - 1;
}

/// A path taken apart and decoded: "/movies/42" → movies, 42.
struct Path {
  std::string table;
  std::optional<std::string> key;
};

/// A target in absolute form (RFC 9112, section 3.2.2) without its scheme and authority.
std::string_view origin_form(std::string_view target) {
  if (!target.starts_with("http://") && !target.starts_with("https://")) return target;
  const auto path = target.find('/', target.find("//") + 2);
  return path == std::string_view::npos ? "/" : target.substr(path);
}

std::optional<Path> parse_path(std::string_view path) {
  if (!path.starts_with('/')) return std::nullopt;
  path.remove_prefix(1);
  if (path.ends_with('/')) path.remove_suffix(1);
  const auto slash = path.find('/');
  auto table = percent_decode(path.substr(0, slash), false);
  if (!table || table->empty()) return std::nullopt;
  Path out{std::move(*table), std::nullopt};
  if (slash == std::string_view::npos) return out;
  const auto rest = path.substr(slash + 1);
  if (rest.find('/') != std::string_view::npos) return std::nullopt;
  out.key = percent_decode(rest, false);
  if (!out.key || out.key->empty()) return std::nullopt;
  return out;
}

Error no_such_path() {
  return {"PGRST125", "Invalid path specified in request URL", std::nullopt,
          "Paths are /table and /table/{key}.", std::nullopt};
}

Error no_such_table(const std::string& table) {
  return {"PGRST205", "Could not find the table 'public." + table + "' in the schema cache", std::nullopt,
          std::nullopt, std::nullopt};
}

Error method_not_allowed(http::verb method, std::string_view name) {
  return {method == http::verb::unknown ? "PGRST117" : "PGRST101",
          "Unsupported HTTP method: " + std::string(name), std::nullopt, std::nullopt, 405};
}

/// Looks the table up, in the catalogue and in the list of those that are not served.
Result<void> find_table(TableRequest& request, const std::string& name) {
  const auto& snapshot = *request.context.planned_with->snapshot;
  request.placement = snapshot.map->find_table(name);
  if (request.placement == nullptr) return no_such_table(name);
  request.table = snapshot.catalogue->find(name);
  if (request.table != nullptr) return {};
  const auto reason = snapshot.catalogue->refused.find(name);
  if (reason == snapshot.catalogue->refused.end()) return no_such_table(name);
  return Error{"SHARD503", "Table " + name + " is not served", reason->second,
               "Make its definition agree with the shard map and the same on every shard, then send the "
               "router SIGHUP.",
               std::nullopt};
}

/// /table/{key} is /table?<primary key>=eq.{key}.
Result<void> add_key_filter(TableRequest& request, const std::string& key) {
  const auto& primary_key = request.table->primary_key;
  if (primary_key.size() != 1)
    return Error{"PGRST125", "Table " + request.table->name + " has no single-column key to name a row by",
                 std::nullopt, "Filter on the columns of its primary key instead.", 404};
  Condition condition;
  condition.field.column = primary_key.front();
  condition.value = key;
  request.query.filters.push_back({std::move(condition)});
  return {};
}

Awaitable<Result<void>> run_endpoint(Worker& worker, Exchange& exchange, RequestContext& context,
                                     RouteLabel& label) {
  const auto target = origin_form({exchange.request.target().data(), exchange.request.target().size()});
  const auto question = target.find('?');
  const auto method = exchange.request.method();
  const auto method_name = exchange.request.method_string();
  if (std::ranges::none_of(endpoints, [&](const EndpointEntry& entry) { return entry.method == method; }))
    co_return method_not_allowed(method, {method_name.data(), method_name.size()});
  const auto path = parse_path(target.substr(0, question));
  if (!path) co_return no_such_path();
  label = path->key ? RouteLabel::row : RouteLabel::table;

  const auto kind = path->key ? PathKind::row : PathKind::table;
  const EndpointEntry* endpoint = nullptr;
  for (const auto& entry : endpoints)
    if (entry.path == kind && entry.method == method) endpoint = &entry;
  if (endpoint == nullptr) co_return method_not_allowed(method, {method_name.data(), method_name.size()});
  if (!context.planned_with || !context.planned_with->snapshot->catalogue)
    co_return Error{"SHARD503", "The router has not reached any shard yet", std::nullopt,
                    "GET /ready on the admin port says which is missing.", std::nullopt};

  TableRequest request{exchange, context, nullptr, nullptr, {}, {}};
  request.is_row = path->key.has_value();
  if (auto found = find_table(request, path->table); !found) co_return found.error();
  if (endpoint->takes_query) {
    const auto text = question == std::string_view::npos ? std::string_view() : target.substr(question + 1);
    auto query = parse_query(path->table, text, worker.settings().limits.parse);
    if (!query) co_return query.error();
    request.query = std::move(*query);
    if (path->key)
      if (auto added = add_key_filter(request, *path->key); !added) co_return added.error();
  }

  for (const auto* field : {"Accept-Profile", "Content-Profile"})
    if (const auto profile = exchange.request.find(field);
        profile != exchange.request.end() && profile->value() != "public")
      co_return Error{"PGRST106", "The schema must be one of the following: public", std::nullopt,
                      std::nullopt, std::nullopt};

  const auto prefer = exchange.request.equal_range("Prefer");
  std::string preferences;
  for (auto field = prefer.first; field != prefer.second; ++field) {
    if (!preferences.empty()) preferences += ',';
    preferences.append(field->value().data(), field->value().size());
  }
  if (!preferences.empty()) {
    auto parsed = parse_prefer(preferences);
    if (!parsed) co_return parsed.error();
    request.prefer = std::move(*parsed);
  }
  if (const auto accept = exchange.request.find(http::field::accept); accept != exchange.request.end()) {
    auto shape = parse_accept(std::string_view(accept->value().data(), accept->value().size()));
    if (!shape) co_return shape.error();
    request.shape = *shape;
  }
  if (const auto consistency = exchange.request.find("Shardplex-Consistency");
      consistency != exchange.request.end()) {
    if (consistency->value() != "strong")
      co_return Error{"SHARD400", "Unknown Shardplex-Consistency", "The value is not 'strong'.",
                      "Send 'strong' to read from primaries, or leave the header out.", std::nullopt};
    context.consistency = Consistency::strong;
  }
  context.stage_done(context.parse_us);
  co_return co_await endpoint->handle(request);
}

std::string join_names(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) {
    if (!out.empty()) out += ',';
    out += name;
  }
  return out;
}

/// "parse;dur=0.018, plan;dur=…": milliseconds with three decimals, by integers, since every answer carries
/// one.
std::string server_timing(const RequestContext& context) {
  std::array<char, 160> text;
  char* end = text.data();
  const auto put = [&](std::string_view name, std::uint64_t us) {
    end = std::copy(name.begin(), name.end(), end);
    end = std::to_chars(end, text.data() + text.size(), us / 1000).ptr;
    *end++ = '.';
    for (std::uint64_t unit = 100; unit > 0; unit /= 10) *end++ = static_cast<char>('0' + us / unit % 10);
  };
  put("parse;dur=", context.parse_us);
  put(", plan;dur=", context.plan_us);
  put(", shards;dur=", context.shards_us);
  put(", merge;dur=", context.merge_us);
  return {text.data(), end};
}

}  // namespace

std::string_view allowed_methods(bool is_row) {
  return is_row ? "OPTIONS,GET,HEAD,PUT,PATCH,DELETE" : "OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE";
}

Awaitable<Result<void>> describe_methods(TableRequest& request) {
  request.exchange.set("Allow", allowed_methods(request.is_row));
  co_return Result<void>{};
}

void say_how_it_was_made(Exchange& exchange, const RequestContext& context) {
  if (!context.asked.empty()) exchange.set("Shardplex-Shards", join_names(context.asked));
  exchange.set("Server-Timing", server_timing(context));
}

Awaitable<void> serve(Worker& worker, Exchange& exchange) {
  const auto started = Clock::now();
  auto label = RouteLabel::other;
  auto& metrics = worker.metrics();
  metrics.requests_in_flight.set(metrics.requests_in_flight.get() + 1);
  const auto deadline = started + worker.settings().request_timeout;
  for (;;) {
    RequestContext context(worker, deadline);
    const auto outcome = co_await run_endpoint(worker, exchange, context, label);
    if (context.map_changed && Clock::now() < deadline) continue;  // before anything was sent or written
    if (!exchange.streaming()) {
      if (!outcome) exchange.fail(outcome.error());
      if (exchange.status == 405)
        exchange.set("Allow", allowed_methods(label == RouteLabel::row));  // RFC 9110, 15.5.6
      say_how_it_was_made(exchange, context);
    } else if (!outcome) {
      exchange.broken = true;
      log_warning("an answer under way was cut", {{"code", outcome.error().code}});
    }
    break;
  }
  metrics.requests_in_flight.set(metrics.requests_in_flight.get() - 1);
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - started).count();
  metrics.request(label, method_label(exchange.request.method()), exchange.status,
                  static_cast<std::uint64_t>(took));
  if (worker.settings().access_log) {
    const auto target = exchange.request.target();
    const std::string_view path(target.data(), std::min(target.find('?'), target.size()));
    const auto method = exchange.request.method_string();
    log_info("request", {{"method", std::string_view(method.data(), method.size())},
                         {"path", label == RouteLabel::row ? path.substr(0, path.rfind('/')) : path},
                         {"status", static_cast<std::int64_t>(exchange.status)},
                         {"microseconds", static_cast<std::int64_t>(took)}});
  }
}

}  // namespace shardplex::router
