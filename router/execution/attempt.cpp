#include "router/execution/attempt.hpp"

#include <stdexcept>
#include <utility>

namespace shardplex::router {

void throw_exception_from_error(const FailedAttempt& failed, const boost::source_location& where) {
  if (const auto* error = std::get_if<Error>(&failed)) shardplex::throw_exception_from_error(*error, where);
  if (const auto* unserved = std::get_if<Unserved>(&failed))
    shardplex::throw_exception_from_error(unserved->error, where);
  throw std::runtime_error("to be planned again: " + std::get<Replan>(failed).reason);
}

bool outweighs(const FailedAttempt& a, const FailedAttempt& b) {
  const auto* a_unserved = std::get_if<Unserved>(&a);
  const auto* b_unserved = std::get_if<Unserved>(&b);
  if (a_unserved && b_unserved) return a_unserved->until < b_unserved->until;
  const auto weight = [](const FailedAttempt& failed) {
    if (std::holds_alternative<Error>(failed)) return 2;
    return std::holds_alternative<Unserved>(failed) ? 1 : 0;
  };
  return weight(a) > weight(b);
}

FailedAttempt failed_attempt(const RouteFault& fault) {
  const auto where = "slot " + std::to_string(fault.slot.value) + " of group " + fault.group;
  switch (fault.kind) {
    case RouteFault::Kind::shard_unknown:
      return shard_unavailable(
          fault.shard, "Shard " + fault.shard + " has not been reached; it should own " + where + ".");
    case RouteFault::Kind::fenced:
      return Replan{where + " is being handed over by shard " + fault.shard, fault.shard};
    case RouteFault::Kind::doubly_owned:
      return Replan{where + " has two owners", ""};
    case RouteFault::Kind::unowned:
      break;
  }
  return Replan{where + " has no owner", ""};
}

Error shard_unavailable(std::string shard, std::string details) {
  return Error{"SHARD503", "Shard " + shard + " is unavailable", std::move(details),
               "Try again after the time in Retry-After.", std::nullopt};
}

Error outcome_unknown(const std::string& shard) {
  return Error{
      "SHARD503", "A shard is unavailable",
      "shard " + shard +
          ": another server took over as the primary meanwhile; whether the statement took effect is "
          "not known",
      "Look whether the change is there before sending it again.", std::nullopt};
}

Error deadline_exceeded(std::string details) {
  return Error{"SHARD504", "The request's deadline has passed", std::move(details), std::nullopt,
               std::nullopt};
}

}  // namespace shardplex::router
