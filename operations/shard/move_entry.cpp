#include "operations/shard/move_entry.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <random>
#include <utility>

#include "operations/process/named_values.hpp"

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

constexpr std::array desired_states{
    std::pair{DesiredState::run, std::string_view("run")},
    std::pair{DesiredState::pause, std::string_view("pause")},
    std::pair{DesiredState::abort, std::string_view("abort")},
};

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

std::string_view to_string(DesiredState desired_state) {
  return name_in(desired_states, desired_state);
}

std::optional<DesiredState> parse_desired_state(std::string_view name) {
  return value_in(desired_states, name);
}

std::string new_move_id() {
  std::array<char, 10> text{};
  std::snprintf(text.data(), text.size(), "m%08x", std::random_device{}());
  return text.data();
}

}  // namespace shardplex::operations
