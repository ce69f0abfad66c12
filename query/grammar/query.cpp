#include "query/grammar/query.hpp"

#include <algorithm>

namespace shardplex {

std::string_view to_string(AggregateFunction function) {
  switch (function) {
    case AggregateFunction::count:
      return "count";
    case AggregateFunction::sum:
      return "sum";
    case AggregateFunction::avg:
      return "avg";
    case AggregateFunction::max:
      return "max";
    case AggregateFunction::min:
      return "min";
  }
  return "";
}

bool Filter::operator==(const Filter& other) const {
  const auto* mine = std::get_if<std::shared_ptr<const Logic>>(&node);
  const auto* theirs = std::get_if<std::shared_ptr<const Logic>>(&other.node);
  if (!mine || !theirs) return node == other.node;
  return *mine == *theirs || (*mine && *theirs && **mine == **theirs);
}

const Embed* ReadNode::find_embed(std::string_view name) const {
  const auto found = std::ranges::find(embeds, name, &Embed::name);
  return found == embeds.end() ? nullptr : &*found;
}

const Embed* ReadNode::embed_of(const Condition& condition) const {
  const bool asks_for_null = condition.op == Operator::is && condition.is_value == IsValue::null;
  if (!asks_for_null || !condition.field.path.empty()) return nullptr;
  return find_embed(condition.field.column);
}

bool ReadNode::operator==(const ReadNode& other) const = default;

bool shows_nothing(const ReadNode& node) {
  return node.select.empty() &&
         std::ranges::all_of(node.embeds, [](const Embed& embed) { return shows_nothing(embed.rows); });
}

bool asks_for_rows(const Condition& condition) {
  return condition.negated;
}

std::string output_name(const SelectItem& item) {
  if (item.alias) return *item.alias;
  if (item.aggregate) return std::string(to_string(item.aggregate->function));
  for (auto step = item.field.path.rbegin(); step != item.field.path.rend(); ++step)
    if (const auto* key = std::get_if<std::string>(&step->to); key && !key->empty()) return *key;
  return item.field.column;
}

}  // namespace shardplex
