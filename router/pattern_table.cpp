#include "router/pattern_table.hpp"

#include <utility>

namespace shardplex::router {
namespace {

constexpr std::size_t most_spare_bytes = 64 * 1024;  // shapes are cut only once they are written

}  // namespace

void PatternTable::Counters::add(const Answered& answered) {
  calls.add();
  if (answered.failed) errors.add();
  time_us.add(answered.microseconds);
  shards.add(answered.shards);
  if (answered.shards > 1) scatters.add();
  rows.add(answered.rows);
  rows_read.add(answered.rows_read.value_or(0));
  // What was refused may have read nothing, and should not hide what all others have.
  if (!answered.rows_read && !answered.failed) not_known.add();
  bytes.add(answered.bytes);
  latency[latency_bucket(answered.microseconds)].add();
}

void PatternTable::Counters::move_to(Counters& sum) {
  const auto move = [](Count& from, Count& to) {
    to.add(from.get());
    from.set(0);
  };
  move(calls, sum.calls);
  move(errors, sum.errors);
  move(time_us, sum.time_us);
  move(shards, sum.shards);
  move(scatters, sum.scatters);
  move(rows, sum.rows);
  move(rows_read, sum.rows_read);
  move(not_known, sum.not_known);
  move(bytes, sum.bytes);
  for (std::size_t bucket = 0; bucket < latency.size(); ++bucket) move(latency[bucket], sum.latency[bucket]);
}

PatternCounts PatternTable::Counters::read() const {
  PatternCounts out;
  out.calls = calls.get();
  out.errors = errors.get();
  out.time_us = time_us.get();
  out.shards = shards.get();
  out.scatters = scatters.get();
  out.rows = rows.get();
  out.rows_read = rows_read.get();
  out.not_known = not_known.get();
  out.bytes = bytes.get();
  for (std::size_t bucket = 0; bucket < latency.size(); ++bucket) out.latency[bucket] = latency[bucket].get();
  return out;
}

PatternTable::PatternTable(std::size_t capacity) : shapes_(capacity), counters_(capacity) {}

std::string& PatternTable::sheet() {
  sheet_.clear();
  if (sheet_.capacity() > most_spare_bytes) sheet_.shrink_to_fit();
  return sheet_;
}

PatternTable::Ticket PatternTable::find(std::string_view shape) const {
  Ticket ticket;
  ticket.place = shapes_.find(shape);
  if (!ticket.place) ticket.text = shape;
  return ticket;
}

void PatternTable::count(Ticket ticket, const Answered& answered) {
  if (ticket.place && !shapes_.holds(*ticket.place)) return other_.add(answered);
  auto place = ticket.place;
  if (!place) {
    if (ticket.text.empty()) ticket.text = no_endpoint;
    place = shapes_.find(ticket.text);  // another request may have brought it meanwhile
    if (!place) place = take_in(std::move(ticket.text));
  }
  counters_[place->slot]->add(answered);
  shapes_.add(*place, answered.microseconds + 1);  // what costs no time counts all the same
}

Heaviest::Place PatternTable::take_in(std::string text) {
  const std::lock_guard lock(mutex_);
  const auto place = shapes_.take_in(std::move(text));
  auto& counters = counters_[place.slot];
  if (counters)
    counters->move_to(other_);
  else
    counters = std::make_unique<Counters>();
  return place;
}

std::string_view PatternTable::text_of(const Ticket& ticket) const {
  if (!ticket.place) return ticket.text.empty() ? no_endpoint : std::string_view(ticket.text);
  return shapes_.holds(*ticket.place) ? std::string_view(shapes_.text(*ticket.place)) : std::string_view();
}

PatternReport PatternTable::report() const {
  const std::lock_guard lock(mutex_);
  PatternReport out;
  // Weights belong to the worker: they change without the lock.
  for (const auto& place : shapes_.places()) {
    auto& pattern = out.patterns.emplace_back();
    pattern.text = shapes_.text(place);
    pattern.counts = counters_[place.slot]->read();
    pattern.counts.inherited_us = shapes_.inherited(place);
  }
  out.other = other_.read();
  return out;
}

}  // namespace shardplex::router
