#include "operations/import/losses.hpp"

#include <algorithm>
#include <array>
#include <functional>

#include "shard_map/joined.hpp"
#include "shard_map/suggestion.hpp"

namespace shardplex::operations {
namespace {

constexpr std::size_t most_named = 10;  // objects in a line for people

struct Kind {
  std::string_view name, sentence;
};

// By LossKind.
constexpr std::array kinds{
    Kind{"order-changes", "text comes in another order, and compares otherwise"},
    Kind{"letters-change", "other letters count as upper and lower case (LC_CTYPE)"},
    Kind{"settings-change", "settings that decide answers and stored values are other ones"},
    Kind{"ids-not-given", "rows have to bring values that the source gives"},
    Kind{
        "ids-repeat",
        "each shard counts for itself: values come again on another shard, or in steps where they have to be "
        "unique"},
    Kind{"unique-per-shard", "constraints without the shard key hold within a shard only"},
    Kind{"foreign-keys-dropped", "foreign keys are not brought"},
    Kind{"cascades-dropped", "foreign keys are not brought, nor what they do ON DELETE or ON UPDATE"},
    Kind{"tables-differ", "tables that are on a shard already stay as they are there"},
    Kind{"tables-left-behind", "tables outside the map stay behind"},
    Kind{"views-left-behind", "views stay behind"},
    Kind{"functions-left-behind", "functions that no table of the map needs stay behind"},
    Kind{"sequences-left-behind", "sequences that no table of the map needs stay behind"},
    Kind{"types-left-behind", "types that no table of the map needs stay behind"},
    Kind{"triggers-left-behind", "triggers stay behind"},
    Kind{"rules-left-behind", "rules stay behind, so that statements do something else"},
    Kind{"policies-left-behind",
         "row-level security stays behind, so that everybody sees and changes all rows"},
    Kind{"grants-left-behind", "privileges stay behind"},
    Kind{"extensions-left-behind", "extensions that no table of the map needs stay behind"},
    Kind{"replication-left-behind", "those who follow the source's changes do not follow the shards'"},
    Kind{"large-objects-left-behind", "large objects stay behind"},
    Kind{"objects-left-behind", "other objects that no table of the map needs stay behind"},
    Kind{"no-way-back", "after the cutover nothing that is written can get back to the source"},
};
static_assert(kinds.size() == static_cast<std::size_t>(LossKind::no_way_back) + 1);

const Kind& described(LossKind kind) {
  return kinds[static_cast<std::size_t>(kind)];
}

}  // namespace

std::string_view name_of(LossKind kind) {
  return described(kind).name;
}

std::optional<LossKind> parse_loss(std::string_view name) {
  const auto kind = std::ranges::find(kinds, name, &Kind::name);
  if (kind == kinds.end()) return std::nullopt;
  return static_cast<LossKind>(kind - kinds.begin());
}

std::vector<std::string> loss_names() {
  std::vector<std::string> names;
  for (const auto& kind : kinds) names.emplace_back(kind.name);
  return names;
}

std::string to_text(const ImportLoss& loss) {
  const auto& [name, sentence] = described(loss.kind);
  const std::size_t named = std::min(loss.objects.size(), most_named);
  std::string text = std::string(name) + ": " + std::string(sentence) + ": " +
                     joined(std::span(loss.objects).first(named), "; ");
  if (named < loss.objects.size()) text += " and " + std::to_string(loss.objects.size() - named) + " more";
  return text;
}

std::variant<AcceptedLosses, std::string> parse_accepted(const std::vector<std::string>& lists) {
  AcceptedLosses accepted;
  for (const std::string_view list : lists)
    for (std::size_t from = 0; from <= list.size();) {
      const std::size_t comma = std::min(list.find(',', from), list.size());
      const std::string_view name = list.substr(from, comma - from);
      const auto kind = parse_loss(name);
      if (!kind)
        return "nothing that an import changes or loses is called '" + std::string(name) + "'" +
               did_you_mean(name, loss_names());
      accepted.insert(*kind);
      from = comma + 1;
    }
  return accepted;
}

std::vector<ImportLoss> LossList::all() const {
  std::vector<ImportLoss> losses;
  for (std::size_t kind = 0; kind < count; ++kind)
    if (!objects_[kind].empty()) losses.push_back({static_cast<LossKind>(kind), objects_[kind]});
  return losses;
}

}  // namespace shardplex::operations
