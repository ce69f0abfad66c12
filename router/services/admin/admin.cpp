#include "router/services/admin/admin.hpp"

#include <prometheus/text_serializer.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace shardplex::router {
namespace {

namespace json = boost::json;

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

void answer_json(Exchange& exchange, const json::value& value) {
  exchange.body = json::serialize(value) + "\n";
}

}  // namespace

const Admin::Endpoint Admin::endpoints[6] = {{"/live", &Admin::live},       {"/ready", &Admin::ready},
                                             {"/metrics", &Admin::metrics}, {"/map", &Admin::map},
                                             {"/shards", &Admin::shards},   {"/load", &Admin::load}};

Awaitable<void> Admin::serve(Exchange& exchange) const {
  const std::string_view target(exchange.request.target().data(), exchange.request.target().size());
  const auto path = target.substr(0, target.find('?'));
  for (const auto& endpoint : endpoints) {
    if (endpoint.path != path) continue;
    const auto method = exchange.request.method();
    if (method == http::verb::get || method == http::verb::head) {
      (this->*endpoint.answer)(exchange);
    } else {
      exchange.fail({"PGRST101", "The admin port answers GET and HEAD", std::nullopt, std::nullopt, 405});
      exchange.set("Allow", "GET,HEAD");
    }
    co_return;
  }
  exchange.fail({"PGRST125", "Invalid path specified in request URL", std::nullopt,
                 "The admin port has /live, /ready, /metrics, /map, /shards and /load.", std::nullopt});
}

void Admin::live(Exchange& exchange) const {
  answer_json(exchange, {{"live", true}});
}

void Admin::ready(Exchange& exchange) const {
  auto missing = control_.missing();
  if (draining_) missing.emplace_back("the router is draining");
  json::array reasons;
  for (auto& reason : missing) reasons.emplace_back(std::move(reason));
  exchange.status = missing.empty() ? 200 : 503;
  answer_json(exchange, {{"ready", missing.empty()}, {"missing", std::move(reasons)}});
}

void Admin::metrics(Exchange& exchange) const {
  exchange.content_type = "text/plain; version=0.0.4; charset=utf-8";
  exchange.body = prometheus::TextSerializer().Serialize(metrics_.Collect());
}

void Admin::map(Exchange& exchange) const {
  const auto& snapshot = control_.latest();
  if (!snapshot)
    return exchange.fail(
        {"SHARD503", "The map has not been looked at yet", std::nullopt, std::nullopt, std::nullopt});
  const auto& map = *snapshot->map;
  json::object groups, tables;
  for (std::size_t i = 0; i < map.groups().size(); ++i) {
    const auto& group = map.groups()[i];
    auto owners = owners_of(*snapshot, GroupId{static_cast<std::uint16_t>(i)});
    owners["slots"] = group.slot_count;
    owners["strategy"] = strategy_of(group);
    groups[group.name] = std::move(owners);
  }
  for (const auto& table : map.tables()) {
    json::object entry;
    if (table.reference)
      entry["reference"] = true;
    else
      entry = {{"group", map.group(*table.group).name}, {"key", table.key}};
    if (snapshot->catalogue)
      if (const auto refused = snapshot->catalogue->refused.find(table.name);
          refused != snapshot->catalogue->refused.end())
        entry["refused"] = refused->second;
    tables[table.name] = std::move(entry);
  }
  answer_json(exchange, {{"cluster", map.cluster()},
                         {"version", snapshot->map_version},
                         {"groups", std::move(groups)},
                         {"tables", std::move(tables)}});
}

void Admin::shards(Exchange& exchange) const {
  const auto& snapshot = control_.latest();
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
  answer_json(exchange, out);
}

/// Requests per slot since the start, by slot.
void Admin::load(Exchange& exchange) const {
  const auto& snapshot = control_.latest();
  json::object groups;
  for (std::size_t i = 0; snapshot && i < snapshot->map->groups().size(); ++i) {
    const auto& group = snapshot->map->groups()[i];
    const auto load = metrics_.load(group.name, group.slot_count);
    groups[group.name] = json::array(load.begin(), load.end());
  }
  answer_json(exchange, {{"groups", std::move(groups)}});
}

}  // namespace shardplex::router
