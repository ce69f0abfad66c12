#include "operations/audit/verify_findings.hpp"

namespace shardplex::operations {
namespace {

constexpr std::size_t most_kept = 1000;

}  // namespace

std::string_view title_of(Check check) {
  switch (check) {
    case Check::ownership:
      return "ownership of slots";
    case Check::place:
      return "rows on the wrong shard";
    case Check::slot_value:
      return "rows in the wrong slot";
    case Check::doubled:
      return "rows on two shards";
    case Check::references:
      return "differing rows of reference tables";
    case Check::copies:
      return "differing rows of reversible moves";
    case Check::leftovers:
      break;
  }
  return "leftovers of moves and loads";
}

std::string_view name_of(Check check) {
  switch (check) {
    case Check::ownership:
      return "ownership";
    case Check::place:
      return "place";
    case Check::slot_value:
      return "slot_value";
    case Check::doubled:
      return "doubled";
    case Check::references:
      return "references";
    case Check::copies:
      return "copies";
    case Check::leftovers:
      break;
  }
  return "leftovers";
}

void Findings::add(Finding finding, std::uint64_t count) {
  const std::lock_guard lock(mutex_);
  counts_[finding.check] += count;
  if (kept_[finding.check]++ < most_kept) findings_.push_back(std::move(finding));
}

void Findings::note(std::string text) {
  const std::lock_guard lock(mutex_);
  notes_.push_back(std::move(text));
}

std::uint64_t Findings::count(Check check) const {
  const std::lock_guard lock(mutex_);
  const auto found = counts_.find(check);
  return found == counts_.end() ? 0 : found->second;
}

}  // namespace shardplex::operations
