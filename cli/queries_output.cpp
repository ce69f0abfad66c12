#include "cli/queries_output.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "operations/process/failure.hpp"
#include "query/patterns/latency_buckets.hpp"
#include "query/patterns/pattern_json.hpp"

namespace shardplex::cli {
namespace {

namespace json = boost::json;
using operations::SharedStatement;
using operations::Terminal;
using operations::TextTable;
using operations::with_thousands;

constexpr std::size_t longest_text = 200;  // of a pattern or a statement, for people

/// "0.42": thousandths with two decimals.
std::string in_thousands(std::uint64_t thousandths) {
  const auto hundredths = (thousandths + 5) / 10;
  const auto digits = std::to_string(hundredths % 100);
  return with_thousands(hundredths / 100) + (digits.size() == 1 ? ".0" : ".") + digits;
}

/// "3.1": a mean.
std::string mean(std::uint64_t sum, std::uint64_t count) {
  if (count == 0) return "-";
  const auto tenths =
      static_cast<std::uint64_t>(std::llround(10.0 * static_cast<double>(sum) / static_cast<double>(count)));
  return with_thousands(tenths / 10) + "." + std::to_string(tenths % 10);
}

std::string percent(std::uint64_t part, std::uint64_t all) {
  if (all == 0) return "-";
  return std::to_string(std::llround(100.0 * static_cast<double>(part) / static_cast<double>(all))) + " %";
}

/// On one line, and not longer than people read; never cut within a character.
std::string short_text(const std::string& text) {
  const auto line = operations::one_line(text);
  if (line.size() <= longest_text) return line;
  auto end = longest_text;
  while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xC0U) == 0x80U) --end;
  return line.substr(0, end) + "…";
}

void add_pattern(TextTable& table, const PatternCounts& counts, const std::string& text) {
  table.add({in_thousands(counts.time_us), with_thousands(counts.calls), with_thousands(counts.errors),
             in_thousands(percentile(counts.latency, 0.50)), in_thousands(percentile(counts.latency, 0.95)),
             in_thousands(percentile(counts.latency, 0.99)), mean(counts.shards, counts.calls),
             percent(counts.scatters, counts.calls), mean(counts.rows, counts.calls),
             counts.not_known > 0 ? "-" : mean(counts.rows_read, counts.calls),
             mean(counts.bytes, counts.calls), text});
}

void print_patterns(const PatternReport& report, std::size_t limit, const Terminal& terminal) {
  const auto right = TextTable::Align::right;
  TextTable table({{"TIME ms", right},
                   {"CALLS", right},
                   {"ERRORS", right},
                   {"P50 ms", right},
                   {"P95 ms", right},
                   {"P99 ms", right},
                   {"SHARDS", right},
                   {"SCATTER", right},
                   {"ROWS", right},
                   {"READ", right},
                   {"BYTES", right},
                   {"PATTERN"}});
  const auto shown = std::min(limit, report.patterns.size());
  for (std::size_t i = 0; i < shown; ++i)
    add_pattern(table, report.patterns[i].counts, short_text(report.patterns[i].text));
  if (report.other.calls > 0) add_pattern(table, report.other, "(others, which no router has kept)");
  table.print(terminal);
  if (shown < report.patterns.size())
    terminal.note(with_thousands(report.patterns.size() - shown) + " more patterns; --limit shows more");
}

/// "1.8 beta": the busiest shard's time is 1.8 times the mean.
std::string shown_skew(const SharedStatement& statement, const QueriesShown& all) {
  const auto skew = operations::skew_of(statement, all.survey->known);
  if (!skew.busiest) return "-";
  const auto hundredths = static_cast<std::uint64_t>(std::llround(100 * skew.ratio));
  return in_thousands(hundredths * 10) + " " + all.map->shards()[*skew.busiest].name;
}

std::uint64_t in_microseconds(double milliseconds) {
  return static_cast<std::uint64_t>(std::llround(1000 * milliseconds));
}

void print_statements(const QueriesShown& all, const Terminal& terminal) {
  const auto right = TextTable::Align::right;
  TextTable table({{"TIME ms", right},
                   {"CALLS", right},
                   {"MEAN ms", right},
                   {"ROWS", right},
                   {"SKEW", right},
                   {"STATEMENT"}});
  const auto& statements = all.survey->statements;
  const auto shown = std::min(all.limit, statements.size());
  for (std::size_t i = 0; i < shown; ++i) {
    const auto sum = statements[i].sum();
    const double each = sum.calls == 0 ? 0.0 : sum.milliseconds / static_cast<double>(sum.calls);
    table.add({in_thousands(in_microseconds(sum.milliseconds)), with_thousands(sum.calls),
               in_thousands(in_microseconds(each)), mean(sum.rows, sum.calls), shown_skew(statements[i], all),
               short_text(statements[i].text)});
  }
  if (!table.empty()) table.print(terminal);
  if (shown < statements.size())
    terminal.note(with_thousands(statements.size() - shown) + " more statements; --limit shows more");
}

json::value statement_json(const SharedStatement& statement, const QueriesShown& all) {
  const auto& survey = *all.survey;
  json::object shards;
  for (std::size_t shard = 0; shard < survey.known.size(); ++shard) {
    if (!survey.known[shard]) continue;
    const auto& cost = statement.shards[shard];
    shards[all.map->shards()[shard].name] = {
        {"calls", cost.calls}, {"time_ms", cost.milliseconds}, {"rows", cost.rows}};
  }
  const auto sum = statement.sum();
  const auto skew = operations::skew_of(statement, survey.known);
  json::object out{{"statement", statement.text},
                   {"calls", sum.calls},
                   {"time_ms", sum.milliseconds},
                   {"rows", sum.rows},
                   {"skew", skew.ratio}};
  out["busiest"] = skew.busiest ? json::value(all.map->shards()[*skew.busiest].name) : json::value(nullptr);
  out["shards"] = std::move(shards);
  return out;
}

}  // namespace

json::object to_json(const QueriesShown& shown) {
  json::object out;
  if (shown.patterns) out = shardplex::to_json(*shown.patterns, shown.limit);
  out["not_known"] = json::array(shown.not_known.begin(), shown.not_known.end());
  if (!shown.survey) return out;
  const auto& statements = shown.survey->statements;
  const auto count = std::min(shown.limit, statements.size());
  json::array listed;
  for (std::size_t i = 0; i < count; ++i) listed.push_back(statement_json(statements[i], shown));
  out["statements"] = std::move(listed);
  out["statements_left_out"] = statements.size() - count;
  return out;
}

void print_queries(const QueriesShown& shown, const Terminal& terminal) {
  if (shown.patterns) print_patterns(*shown.patterns, shown.limit, terminal);
  if (shown.patterns && shown.survey) terminal.out << '\n';
  if (shown.survey) print_statements(shown, terminal);
  for (const auto& problem : shown.not_known) terminal.warning(problem);
}

}  // namespace shardplex::cli
