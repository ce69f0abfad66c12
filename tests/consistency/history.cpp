#include "tests/consistency/history.hpp"

#include <cstdio>

namespace shardplex::consistency {
namespace {

std::string milliseconds(Time time) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f", std::chrono::duration<double, std::milli>(time).count());
  return text;
}

std::string what_was_done(const Operation& operation, const History& history) {
  const auto key = to_string(operation.key, history), value = to_string(operation.value);
  const std::string weakly = operation.strong ? "" : ", not strongly";
  switch (operation.action) {
    case Action::insert:
      return "inserts " + key + " = " + value + " into " + operation.group;
    case Action::write:
      return "writes " + key + " = " + value;
    case Action::compare_and_set:
      return "sets " + key + " = " + value + " if it is " + to_string(operation.expected);
    case Action::remove:
      return "removes " + key;
    case Action::read:
      return "reads " + key + weakly + (operation.outcome == Outcome::ok ? ": " + value : "");
    case Action::list:
      return "lists " + operation.group + '*' + weakly +
             (operation.outcome == Outcome::ok ? ": " + std::to_string(operation.rows.size()) + " rows" : "");
  }
  return "";
}

std::string how_it_ended(const Operation& operation) {
  switch (operation.outcome) {
    case Outcome::ok:
      return operation.applied ? "" : ": not done";
    case Outcome::failed:
      return ": failed, " + operation.answer;
    case Outcome::unknown:
      return ": unknown, " + operation.answer;
  }
  return "";
}

}  // namespace

std::string to_string(const Value& value) {
  return value ? std::to_string(*value) : "none";
}

std::string to_string(const Key& key, const History& history) {
  return history.tables.at(static_cast<std::size_t>(key.table)) + '/' + std::to_string(key.id);
}

std::string to_string(const Operation& operation, const History& history, Time origin) {
  return '[' + milliseconds(operation.invoked - origin) + " - " + milliseconds(operation.completed - origin) +
         " ms] client " + std::to_string(operation.process) + ' ' + what_was_done(operation, history) +
         how_it_ended(operation);
}

}  // namespace shardplex::consistency
