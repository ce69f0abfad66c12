#include "operations/shard/move_entry.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <random>
#include <utility>

#include "shard_map/invariant.hpp"

namespace shardplex::operations {
namespace {

constexpr std::array phases{
    std::pair{Phase::moving, std::string_view("moving")},
    std::pair{Phase::switching, std::string_view("switching")},
    std::pair{Phase::reversible, std::string_view("reversible")},
    std::pair{Phase::finishing, std::string_view("finishing")},
    std::pair{Phase::finished, std::string_view("finished")},
    std::pair{Phase::aborting, std::string_view("aborting")},
    std::pair{Phase::aborted, std::string_view("aborted")},
    std::pair{Phase::reversing, std::string_view("reversing")},
    std::pair{Phase::returning, std::string_view("returning")},
    std::pair{Phase::reversed, std::string_view("reversed")},
};

constexpr std::array wishes{
    std::pair{Wanted::run, std::string_view("run")},
    std::pair{Wanted::pause, std::string_view("pause")},
    std::pair{Wanted::abort, std::string_view("abort")},
};

template <class Names, class Value>
std::string_view name_in(const Names& names, Value value) {
  const auto found = std::ranges::find(names, value, [](const auto& entry) { return entry.first; });
  invariant(found != names.end(), "every value has a name");
  return found->second;
}

template <class Value, std::size_t N>
std::optional<Value> value_in(const std::array<std::pair<Value, std::string_view>, N>& names,
                              std::string_view name) {
  const auto found = std::ranges::find(names, name, [](const auto& entry) { return entry.second; });
  return found == names.end() ? std::nullopt : std::optional(found->first);
}

}  // namespace

std::string_view to_string(Phase phase) {
  return name_in(phases, phase);
}

std::optional<Phase> parse_phase(std::string_view name) {
  return value_in(phases, name);
}

const std::string& phases_over_sql() {
  static const std::string list = [] {
    std::string names;
    for (const auto& [phase, name] : phases)
      if (is_over(phase)) names.append(names.empty() ? "('" : ", '").append(name).append("'");
    return names + ')';
  }();
  return list;
}

std::string_view to_string(Wanted wanted) {
  return name_in(wishes, wanted);
}

std::optional<Wanted> parse_wanted(std::string_view name) {
  return value_in(wishes, name);
}

std::string new_move_id() {
  std::array<char, 10> text{};
  std::snprintf(text.data(), text.size(), "m%08x", std::random_device{}());
  return text.data();
}

}  // namespace shardplex::operations
