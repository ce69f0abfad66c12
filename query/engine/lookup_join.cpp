#include "query/engine/lookup_join.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "shard_map/invariant.hpp"

namespace shardplex {
namespace {

constexpr std::size_t most_batch_bytes = std::size_t{4} << 20;
constexpr std::size_t least_batch_rows = 64;

Error too_much_found() {
  return {"SHARD400", "This request is too large to be answered",
          "The rows of other shards that belong to one of its rows take more than " +
              std::to_string(LookupJoin::most_found_bytes >> 20) + " MiB",
          "Limit the rows of the embed (rel.limit=), or ask for fewer columns of it.", std::nullopt};
}

Error too_many_left_out() {
  return {
      "SHARD400", "This request cannot be answered within bounds",
      "Its rows are chosen by rows of other shards, and among " + std::to_string(LookupJoin::most_left_out) +
          " rows too few were found to fill the page",
      "Filter the rows by columns of their own, shard both tables by the columns that relate them, in one "
      "group, or make the embedded table a reference table.",
      std::nullopt};
}

Error too_many_left_out_of_order() {
  return {
      "SHARD400", "This request cannot be answered within bounds",
      "Its rows are chosen and ordered by rows of other shards, so all of them are read first, and more "
      "than " +
          std::to_string(LookupJoin::most_left_out) + " of them are not in the answer",
      "Filter the rows by columns of their own, shard both tables by the columns that relate them, in one "
      "group, or make the embedded table a reference table.",
      std::nullopt};
}

Error too_many_to_count() {
  return {
      "SHARD400", "This request cannot be answered within bounds",
      "Its rows are chosen by rows of other shards, so they are counted one by one, and more than " +
          std::to_string(LookupJoin::most_left_out) + " of them are not in the answer",
      "Leave out Prefer: count=exact, filter the rows by columns of their own, or shard both tables by the "
      "columns that relate them, in one group.",
      std::nullopt};
}

}  // namespace

LookupJoin::LookupJoin(JoinPlan plan) : plan_(std::move(plan)), page_(plan_.page), page_before_(plan_.page) {
  for (std::size_t i = 0; i < plan_.embeds.size(); ++i) {
    const auto& embed = plan_.embeds[i];
    lookups_.push_back({LookupKeys(embed.key, embed.with_null),
                        FoundRows(embed.shape),
                        plan_.keep && depends_on(*plan_.keep, i),
                        false,
                        {}});
  }
}

RowOperator::Step LookupJoin::next() {
  for (;;) {
    if (failure_ && !(is_of_size_ && halve_batch())) return *failure_;
    switch (phase_) {
      case Phase::gathering:
        if (page_is_full()) return Done{};
        if (gather()) return Needs{0, std::nullopt};
        if (batch_.empty()) return Done{};
        begin(Phase::deciding);
        break;
      case Phase::deciding:
        if (const auto lookup = unfinished_lookup()) return Needs{*lookup + 1, std::nullopt};
        choose();
        begin(Phase::completing);
        break;
      case Phase::completing:
        if (const auto lookup = unfinished_lookup()) return Needs{*lookup + 1, std::nullopt};
        phase_ = Phase::giving;
        break;
      case Phase::giving:
        if (given_ < chosen_.size()) return written(chosen_[given_++]);
        batch_.clear();
        batch_bytes_ = given_ = 0;
        // What was too much may have been one row of many.
        most_rows_ = std::min(most_rows_ + std::max<std::size_t>(most_rows_ / 4, 1), most_batch_rows);
        phase_ = Phase::gathering;
        break;
    }
  }
}

/// Fills the batch; true where it has room and more rows may come.
bool LookupJoin::gather() {
  const auto rows = std::min(batch_rows(), most_rows_);
  while (!waiting_.empty() && batch_.size() < rows && batch_bytes_ < most_batch_bytes) {
    batch_bytes_ += weight(waiting_.front());
    batch_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  return !ended_ && waiting_.empty() && batch_.size() < rows && batch_bytes_ < most_batch_bytes;
}

/// Where few rows are wanted, not many are looked through at once, until many have been left out.
std::size_t LookupJoin::batch_rows() const {
  const auto wanted = page_.to_come();
  if (!plan_.leaves_out() || plan_.counts || !wanted || *wanted > most_batch_rows / 2) return most_batch_rows;
  return static_cast<std::size_t>(
      std::clamp<std::uint64_t>(std::max(2 * *wanted, left_out_), least_batch_rows, most_batch_rows));
}

/// Numbers the keys of the lookups that the phase is for, of the rows that it is for.
void LookupJoin::begin(Phase phase) {
  phase_ = phase;
  if (phase == Phase::deciding) {
    ++batch_number_;
    page_before_ = page_;
    left_out_before_ = left_out_;
    chosen_.resize(batch_.size());
    std::iota(chosen_.begin(), chosen_.end(), std::size_t{0});
  }
  for (auto& lookup : lookups_) {
    const bool is_of_phase = lookup.decides == (phase == Phase::deciding);
    if (!is_of_phase && phase == Phase::completing) continue;
    // Of what completes the rows, nothing is left of the batch before, either.
    lookup.keys.clear();
    lookup.numbers.assign(batch_.size(), std::nullopt);
    lookup.found.expect(0);
    if (!is_of_phase) continue;
    for (const auto number : chosen_) lookup.numbers[number] = lookup.keys.add(batch_[number]);
    lookup.found.expect(lookup.keys.size());
    lookup.finished = lookup.keys.empty();
  }
}

/// Of those that the phase is for.
std::optional<std::size_t> LookupJoin::unfinished_lookup() const {
  for (std::size_t i = 0; i < lookups_.size(); ++i)
    if (lookups_[i].decides == (phase_ == Phase::deciding) && !lookups_[i].finished) return i;
  return std::nullopt;
}

std::vector<std::size_t> LookupJoin::needed_lookups() const {
  std::vector<std::size_t> inputs;
  for (std::size_t i = 0; i < lookups_.size(); ++i)
    if (lookups_[i].decides == (phase_ == Phase::deciding) && !lookups_[i].finished) inputs.push_back(i + 1);
  return inputs;
}

/// Leaves only rows of the page among the chosen.
void LookupJoin::choose() {
  std::vector<std::size_t> on_page;
  for (const auto number : chosen_) {
    const Row& row = batch_[number];
    const auto has_rows = [&](std::size_t lookup) {
      return lookups_[lookup].found.has_rows(lookups_[lookup].numbers[number]);
    };
    const bool holds = !plan_.keep || value_of(*plan_.keep, row, has_rows) == true;
    if (holds && page_.takes(plan_.page.of_each_key ? key_number(row) : std::nullopt))
      on_page.push_back(number);
  }
  chosen_ = std::move(on_page);
  left_out_ += batch_.size() - chosen_.size();
  if (!plan_.leaves_out() || left_out_ <= most_left_out) return;
  if (plan_.counts)
    fail(0, too_many_to_count());
  else if (plan_.sorted_later)
    fail(0, too_many_left_out_of_order());
  else if (plan_.page.limit && !plan_.page.of_each_key && !page_is_full())
    fail(0, too_many_left_out());
}

/// Puts the rows of the batch back, for batches of half as many. False where these would have no fewer keys.
bool LookupJoin::halve_batch() {
  const auto several = [](const Lookup& lookup) { return lookup.keys.size() > 1; };
  if (batch_.size() < 2 || std::ranges::none_of(lookups_, several)) return false;
  most_rows_ = batch_.size() / 2;
  for (auto row = batch_.rbegin(); row != batch_.rend(); ++row) waiting_.push_front(std::move(*row));
  batch_.clear();
  chosen_.clear();
  batch_bytes_ = 0;
  page_ = page_before_;
  left_out_ = left_out_before_;
  failure_.reset();
  phase_ = Phase::gathering;
  return true;
}

/// The row with what was found for it.
Row LookupJoin::written(std::size_t number) {
  Row& row = batch_[number];
  for (const auto& lookup : lookups_) lookup.found.append_keys(row.keys, lookup.numbers[number]);
  std::size_t from = 0;
  auto room = row.rooms.begin();
  std::string json;
  for (const auto& lookup : lookups_) {
    if (!lookup.found.shows()) continue;
    invariant(room != row.rooms.end(), "a row has a room for each embed that it shows");
    json.append(row.json, from, *room - from);
    from = *room++;
    lookup.found.append(json, lookup.numbers[number]);
  }
  if (room == row.rooms.begin()) return std::move(row);
  json.append(row.json, from);
  row.json = std::move(json);
  row.rooms.clear();
  return std::move(row);
}

std::size_t LookupJoin::bytes() const {
  std::size_t bytes = batch_bytes_;
  for (const auto& lookup : lookups_) bytes += lookup.keys.bytes() + lookup.found.bytes();
  return bytes;
}

void LookupJoin::push(std::size_t input, Row row) {
  if (input == 0) {
    invariant(!ended_, "a finished input has no more rows");
    waiting_.push_back(std::move(row));
    return;
  }
  auto& lookup = lookups_[input - 1];
  invariant(!lookup.finished, "only an input that is needed gets rows");
  if (auto error = lookup.found.add(row)) return fail(input, std::move(*error));
  if (lookup.found.bytes() > most_found_bytes) fail_of_size(input, too_much_found());
}

void LookupJoin::finish(std::size_t input) {
  if (input == 0)
    ended_ = true;
  else
    lookups_[input - 1].finished = true;
}

void LookupJoin::fail(std::size_t, Error error) {
  if (failure_) return;
  failure_ = std::move(error);
  is_of_size_ = false;
}

void LookupJoin::fail_of_size(std::size_t input, Error error) {
  invariant(input > 0, "only what is asked for again is tried again");
  if (failure_) return;
  failure_ = std::move(error);
  is_of_size_ = true;
}

}  // namespace shardplex
