#include "tests/oracle/tally.hpp"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <cstdio>
#include <functional>
#include <ratio>
#include <utility>

namespace shardplex::oracle {
namespace {

constexpr std::size_t most_reasons = 20;

/// Of a second.
double rate_of(const Tally& tally) {
  const auto seconds = std::chrono::duration<double>(tally.asking).count();
  return seconds > 0 ? static_cast<double>(tally.requests) / seconds : 0;
}

std::string rounded(double number) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.0f", number);
  return text.data();
}

}  // namespace

void Tally::add(const Judgement& judgement, const integration::HttpResponse& over_shards) {
  constexpr unsigned first_error = 400;
  ++requests;
  refused += judgement.verdict == Verdict::refused ? 1 : 0;
  wrong += judgement.verdict == Verdict::wrong ? 1 : 0;
  if (judgement.verdict == Verdict::refused) {
    ++refusals[judgement.refusal];
    return;
  }
  if (judgement.verdict == Verdict::wrong) return;
  errors += over_shards.status >= first_error ? 1 : 0;
  streams += over_shards.chunked ? 1 : 0;
  empty += over_shards.body == "[]" || over_shards.body == "\n" ? 1 : 0;
}

std::string result_of(const Tally& tally, const Options& options) {
  const auto minutes = std::chrono::duration<double, std::ratio<60>>(tally.whole).count();
  auto text = "Seed " + std::to_string(options.seed) + ", " + std::to_string(options.shards) +
              " shards: " + std::to_string(tally.requests) + " requests of " + std::to_string(tally.schemas) +
              " schemas in " + rounded(minutes) + " minutes\n";
  text += "- " + std::to_string(tally.wrong) + " answered wrongly\n";
  text += "- " + std::to_string(tally.told()) + " answered with rows or done, " +
          std::to_string(tally.empty) + " answered with none, " + std::to_string(tally.errors) +
          " with an error, " + std::to_string(tally.refused) + " refused over shards or over one\n";
  if (options.moving)
    text += "- " + std::to_string(tally.under_moves) + " of them while slots moved, " +
            std::to_string(tally.moves) + " times\n";
  if (options.writes) text += "- " + std::to_string(tally.writes) + " of them writes\n";
  return text + "- " + std::to_string(tally.streams) + " answers were streamed; " + rounded(rate_of(tally)) +
         " requests a second were asked of both routers and of PostgreSQL, and compared\n";
}

std::string shortfall_of(const Tally& tally, const Options& options) {
  constexpr std::uint64_t few = 500;
  if (tally.requests < few || tally.wrong > 0) return "";
  const auto is_less = [&](std::uint64_t count, std::uint64_t one_in) {
    return count < tally.requests / one_in;
  };
  const auto text = [&](std::uint64_t count) {
    return "of " + std::to_string(tally.requests) + " requests only " + std::to_string(count) + " were ";
  };
  if (is_less(tally.told(), 4)) return text(tally.told()) + "answered with rows or done";
  if (options.moving && is_less(tally.under_moves, 3))
    return text(tally.under_moves) + "made while slots moved";
  // Half of those that are made while no slot moves.
  if (options.writes && is_less(tally.writes, options.moving ? 6 : 3)) return text(tally.writes) + "writes";
  return "";
}

std::string line_of(const Tally& tally, std::uint64_t of) {
  return std::to_string(tally.requests) + " of " + std::to_string(of) + " requests, " +
         std::to_string(tally.schemas) + " schemas, " + rounded(rate_of(tally)) +
         " requests/s: " + std::to_string(tally.wrong) + " wrong, " + std::to_string(tally.refused) +
         " refused, " + std::to_string(tally.errors) + " errors, " + std::to_string(tally.empty) +
         " empty, " + std::to_string(tally.streams) + " streamed" +
         (tally.moves > 0 ? ", " + std::to_string(tally.moves) + " moves of slots" : "");
}

std::string refusals_of(const Tally& tally) {
  std::vector<std::pair<std::uint64_t, std::string>> sorted;
  for (const auto& [message, count] : tally.refusals) sorted.emplace_back(count, message);
  std::ranges::sort(sorted, std::greater<>());
  if (sorted.size() > most_reasons) sorted.resize(most_reasons);
  std::string text;
  for (const auto& [count, message] : sorted) text += std::to_string(count) + " refused: " + message + '\n';
  return text;
}

boost::json::object json_of(const Tally& tally, const Options& options) {
  boost::json::object refusals;
  for (const auto& [message, count] : tally.refusals) refusals[message] = count;
  boost::json::array cases;
  for (const auto& folder : tally.cases) cases.emplace_back(folder);
  boost::json::object object;
  object["seed"] = options.seed;
  object["shards"] = options.shards;
  object["moving"] = options.moving;
  object["writes"] = options.writes;
  object["per_schema"] = options.per_schema;
  object["schemas"] = tally.schemas;
  object["requests"] = tally.requests;
  object["wrong"] = tally.wrong;
  object["refused"] = tally.refused;
  object["errors"] = tally.errors;
  object["empty"] = tally.empty;
  object["streamed"] = tally.streams;
  object["moves"] = tally.moves;
  object["under_moves"] = tally.under_moves;
  object["written"] = tally.writes;
  object["seconds"] = std::chrono::duration<double>(tally.whole).count();
  object["requests_per_second"] = rate_of(tally);
  object["refusals"] = std::move(refusals);
  object["cases"] = std::move(cases);
  return object;
}

}  // namespace shardplex::oracle
