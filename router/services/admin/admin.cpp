#include "router/services/admin/admin.hpp"

#include <prometheus/text_serializer.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "query/patterns/pattern_json.hpp"
#include "query/patterns/pattern_report.hpp"
#include "router/http/endpoint_table.hpp"
#include "router/services/movies/explain_endpoint.hpp"

namespace shardplex::router {
namespace {

namespace json = boost::json;

/// What the endpoints are given.
struct AdminRequest {
  const Control& control;
  const Settings& settings;
  const Metrics& metrics;
  const Request& request;
  const PathParameters& path;
  bool draining;
  std::string_view query;  ///< of the target, behind the `?`
};

json::value strategy_of(const Group& group) {
  const auto* list = std::get_if<ListStrategy>(&group.strategy);
  if (list == nullptr) return {{"hash", json::object()}};
  return {{"list", {{"column", list->column}, {"spread_by", list->spread_by}}}};
}

/// The slots of `group` that each shard owns now, as the YAML would write them, and those in trouble.
json::object owners_of(const Snapshot& snapshot, GroupId id) {
  const auto& map = *snapshot.map;
  const auto count = map.group(id).slot_count;
  std::vector<SlotSet> owned(map.shards().size(), SlotSet::none(count));
  auto fenced = SlotSet::none(count), ownerless = SlotSet::none(count);
  for (std::uint32_t slot = 0; slot < count; ++slot) {
    const auto& owner = snapshot.ownership->owner(id, Slot{slot});
    if (owner.fault == Ownership::Fault::none)
      owned[owner.shard.value].insert(Slot{slot});
    else
      ownerless.insert(Slot{slot});
    if (owner.fenced) fenced.insert(Slot{slot});
  }
  json::object out;
  for (std::size_t shard = 0; shard < owned.size(); ++shard)
    out[map.shards()[shard].name] = owned[shard].to_string();
  return {
      {"owned", std::move(out)}, {"fenced", fenced.to_string()}, {"without_owner", ownerless.to_string()}};
}

Answer json_answer(const json::value& value) {
  Answer answer;
  answer.body = json::serialize(value) + "\n";
  return answer;
}

Awaitable<Result<Answer>> live(AdminRequest&) {
  co_return json_answer({{"live", true}});
}

json::array sentences(std::vector<std::string> texts) {
  json::array out;
  for (auto& text : texts) out.emplace_back(std::move(text));
  return out;
}

/// 200 where the router serves. With `?strict` nothing may be missing, which one shard's trouble makes so for
/// all routers at once.
Awaitable<Result<Answer>> ready(AdminRequest& request) {
  auto readiness = request.control.readiness();
  if (request.draining) {
    readiness.serves = false;
    readiness.missing.emplace_back("the router is draining");
  }
  const bool strict = request.query == "strict" || request.query.starts_with("strict=");
  const bool ready = readiness.serves && !(strict && !readiness.missing.empty());
  json::object told{{"ready", ready},
                    {"state", !readiness.serves      ? "unready"
                              : readiness.degraded() ? "degraded"
                                                     : "ready"},
                    {"missing", sentences(std::move(readiness.missing))},
                    {"unused", sentences(std::move(readiness.unused))}};
  if (auto warnings = request.control.warnings(); !warnings.empty())
    told["warnings"] = sentences(std::move(warnings));
  auto answer = json_answer(told);
  answer.status = ready ? 200 : 503;
  co_return answer;
}

Awaitable<Result<Answer>> metrics(AdminRequest& request) {
  Answer answer;
  answer.content_type = "text/plain; version=0.0.4; charset=utf-8";
  answer.body = prometheus::TextSerializer().Serialize(request.metrics.Collect());
  co_return answer;
}

/// One name, or a list of them, as in the map.
json::value key_names_json(const KeyNames& key) {
  if (key.size() == 1) return json::value(key.one());
  return json::array(key.names().begin(), key.names().end());
}

json::object describe(const TablePlacement& table, const Snapshot& snapshot) {
  json::object entry;
  if (table.reference)
    entry["reference"] = true;
  else
    entry = {{"group", snapshot.map->group(*table.group).name}, {"key", key_names_json(table.key)}};
  if (!snapshot.catalogue) return entry;
  const auto tell = [&](std::string_view what, const auto& reasons) {
    if (const auto found = reasons.find(table.name); found != reasons.end()) entry[what] = found->second;
  };
  tell("refused", snapshot.catalogue->refused);
  tell("differing", snapshot.catalogue->differing);
  return entry;
}

Awaitable<Result<Answer>> map(AdminRequest& request) {
  const auto& snapshot = request.control.latest();
  if (!snapshot)
    co_return Error{"SHARD503", "The map has not been looked at yet", std::nullopt, std::nullopt,
                    std::nullopt};
  const auto& map = *snapshot->map;
  json::object groups, tables, views;
  for (std::size_t i = 0; i < map.groups().size(); ++i) {
    const auto& group = map.groups()[i];
    auto owners = owners_of(*snapshot, GroupId{static_cast<std::uint16_t>(i)});
    owners["slots"] = group.slot_count;
    owners["strategy"] = strategy_of(group);
    groups[group.name] = std::move(owners);
  }
  for (const auto& table : map.tables()) tables[table.name] = describe(table, *snapshot);
  for (const auto& view : map.views()) views[view.name] = describe(view, *snapshot);
  co_return json_answer({{"cluster", map.cluster()},
                         {"version", snapshot->map_version},
                         {"groups", std::move(groups)},
                         {"tables", std::move(tables)},
                         {"views", std::move(views)}});
}

Awaitable<Result<Answer>> shards(AdminRequest& request) {
  const auto& snapshot = request.control.latest();
  json::array out;
  for (std::size_t i = 0; snapshot && i < snapshot->shards.size(); ++i) {
    const auto epoch = snapshot->ownership->epoch(ShardId{static_cast<std::uint16_t>(i)});
    json::array servers;
    for (const auto& server : snapshot->shards[i].servers) {
      json::object entry{{"name", server.name},
                         {"address", server.address},
                         {"up", server.up},
                         {"role", !server.up        ? "unknown"
                                  : server.writable ? "primary"
                                                    : "replica"},
                         {"readable", server.readable},
                         {"epoch", server.epoch.value},
                         {"timeline", server.timeline}};
      entry["lag_seconds"] = server.lag_seconds ? json::value(*server.lag_seconds) : json::value(nullptr);
      entry["problem"] = server.problem.empty() ? json::value(nullptr) : json::value(server.problem);
      servers.push_back(std::move(entry));
    }
    out.push_back({{"shard", snapshot->map->shards()[i].name},
                   {"epoch", epoch ? json::value(epoch->value) : json::value(nullptr)},
                   {"servers", std::move(servers)}});
  }
  co_return json_answer(out);
}

/// Requests per slot since the start, by slot.
Awaitable<Result<Answer>> load(AdminRequest& request) {
  const auto& snapshot = request.control.latest();
  json::object groups;
  for (std::size_t i = 0; snapshot && i < snapshot->map->groups().size(); ++i) {
    const auto& group = snapshot->map->groups()[i];
    const auto load = request.metrics.load(group.name, group.slot_count);
    groups[group.name] = json::array(load.begin(), load.end());
  }
  co_return json_answer({{"groups", std::move(groups)}});
}

/// What requests of each shape have cost since the start.
Awaitable<Result<Answer>> patterns(AdminRequest& request) {
  const auto asked = read_patterns_asked(request.query);
  if (!asked) co_return asked.error();
  auto report = request.metrics.patterns();
  sort_patterns(report.patterns, asked->order);
  co_return json_answer(to_json(report, asked->limit));
}

/// What the read that follows /plan in the path would do.
Awaitable<Result<Answer>> plan(AdminRequest& request) {
  co_return explain_read(request.control.latest().get(), request.settings, request.request,
                         request.path["table"], request.path.find("key"), request.query);
}

Awaitable<Result<Answer>> refuse_plan_of_function(AdminRequest& request) {
  co_return Error{"SHARD400", "Calls of functions are not explained",
                  "/rpc/" + request.path["function"] + " is a function in PostgREST's API, and no table.",
                  "Ask for the plan of a read: /plan/table?… or /plan/table/key.", std::nullopt};
}

Awaitable<Result<Answer>> ask_for_request(AdminRequest&) {
  co_return Error{"PGRST125", "Which read is to be explained?", std::nullopt,
                  "Put /plan before its path, as in /plan/movies?id=eq.42.", std::nullopt};
}

constexpr Endpoint<AdminRequest> rows[] = {
    {http::verb::get, "/live", &live, {}},
    {http::verb::head, "/live", &live, {}},
    {http::verb::get, "/ready", &ready, {}},
    {http::verb::head, "/ready", &ready, {}},
    {http::verb::get, "/metrics", &metrics, {}},
    {http::verb::head, "/metrics", &metrics, {}},
    {http::verb::get, "/map", &map, {}},
    {http::verb::head, "/map", &map, {}},
    {http::verb::get, "/shards", &shards, {}},
    {http::verb::head, "/shards", &shards, {}},
    {http::verb::get, "/load", &load, {}},
    {http::verb::head, "/load", &load, {}},
    {http::verb::get, "/patterns", &patterns, {}},
    {http::verb::head, "/patterns", &patterns, {}},
    {http::verb::get, "/plan", &ask_for_request, {}},
    {http::verb::head, "/plan", &ask_for_request, {}},
    {http::verb::get, "/plan/{table}", &plan, {}},
    {http::verb::head, "/plan/{table}", &plan, {}},
    {http::verb::get, "/plan/{table}/{key}", &plan, {}},
    {http::verb::head, "/plan/{table}/{key}", &plan, {}},
    {http::verb::get, "/plan/rpc/{function}", &refuse_plan_of_function, {}},
    {http::verb::head, "/plan/rpc/{function}", &refuse_plan_of_function, {}},
};
constexpr std::span<const Endpoint<AdminRequest>> endpoints = rows;

}  // namespace

Awaitable<Answer> Admin::serve(Call& call) const {
  const auto target = split_target(call.target());
  const auto match = find_endpoint(endpoints, call.request.method(), target.path);
  if (!match)
    co_return to_answer(
        {"PGRST125", "Invalid path specified in request URL", std::nullopt,
         "The admin port has /live, /ready, /metrics, /map, /shards, /load, /patterns and /plan/….",
         std::nullopt});
  if (match->endpoint == nullptr) {
    auto answer =
        to_answer({"PGRST101", "The admin port answers GET and HEAD", std::nullopt, std::nullopt, 405});
    answer.set("Allow", allowed_methods(endpoints, match->pattern));
    co_return answer;
  }
  AdminRequest request{control_,          settings_, metrics_,    call.request,
                       match->parameters, draining_, target.query};
  auto outcome = co_await (*match->endpoint)(request);
  co_return outcome ? std::move(*outcome) : to_answer(outcome.error());
}

}  // namespace shardplex::router
