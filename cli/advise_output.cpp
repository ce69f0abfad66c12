#include "cli/advise_output.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <cstddef>
#include <string_view>
#include <utility>

#include "operations/process/failure.hpp"
#include "operations/process/json_values.hpp"
#include "shard_map/joined.hpp"

namespace shardplex::cli {
namespace {

namespace json = boost::json;
using operations::Colour;
using operations::Terminal;

/// A shell reads it as it is.
bool needs_no_quotes(const std::string& word) {
  return !word.empty() && std::ranges::all_of(word, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_./:-").find(c) != std::string_view::npos;
  });
}

void put_in_place(std::string& text, std::string_view of, const std::string& with) {
  if (const auto at = text.find(of); at != std::string::npos) text.replace(at, of.size(), with);
}

/// The step with the map and the routers that the command was given, where they can stand there.
std::string step_text(const AdvisedStep& step, const AdviceShown& shown) {
  auto text = step.text;
  if (!step.shards.empty()) return text;
  if (needs_no_quotes(shown.map_file)) put_in_place(text, "--map FILE", "--map " + shown.map_file);
  if (!shown.routers.empty() && std::ranges::all_of(shown.routers, needs_no_quotes))
    put_in_place(text, "--router URL",
                 joined(
                     shown.routers, [](const std::string& url) { return "--router " + url; }, " "));
  return text;
}

/// What a server or a client has named cannot move a cursor, and has no line of its own.
std::string safe(const std::string& text) {
  return operations::printable(operations::one_line(text));
}

void print_paragraph(const Advice& advice, const AdviceShown& shown, const Terminal& terminal) {
  const auto label = [&](std::string_view name) {
    std::string padded(name);
    padded.resize(10, ' ');
    terminal.out << "  " << terminal.paint_out(Colour::dim, padded);
  };
  terminal.out << terminal.paint_out(Colour::bold, safe(advice.what)) << '\n';
  for (const auto& evidence : advice.evidence) {
    label("evidence");
    terminal.out << safe(evidence.source) << ": " << safe(evidence.says);
    if (!evidence.since.empty()) terminal.out << " (since " << safe(evidence.since) << ')';
    terminal.out << '\n';
  }
  label("costs");
  terminal.out << safe(advice.costs) << '\n';
  for (const auto& step : advice.steps) {
    label("do");
    if (!step.shards.empty()) terminal.out << "on " << joined(step.shards) << ": ";
    terminal.out << terminal.paint_out(Colour::green, safe(step_text(step, shown))) << '\n';
  }
  terminal.out << '\n';
}

void print_lines(const Advice& advice, const AdviceShown& shown, const Terminal& terminal) {
  terminal.out << "advice\t" << to_string(advice.kind) << '\t' << safe(advice.subject) << '\t'
               << safe(advice.what) << '\n';
  for (const auto& evidence : advice.evidence)
    terminal.out << "evidence\t" << safe(evidence.source) << '\t' << safe(evidence.says) << '\t'
                 << safe(evidence.since) << '\n';
  terminal.out << "costs\t" << safe(advice.costs) << '\n';
  for (const auto& step : advice.steps)
    terminal.out << "do\t" << joined(step.shards, ",") << '\t' << safe(step_text(step, shown)) << '\n';
}

json::object advice_json(const Advice& advice, const AdviceShown& shown) {
  json::array evidence, steps;
  for (const auto& one : advice.evidence)
    evidence.push_back(
        {{"source", one.source}, {"says", one.says}, {"since", operations::text_or_null(one.since)}});
  for (const auto& step : advice.steps)
    steps.push_back({{"shards", operations::json_array(step.shards)}, {"text", step_text(step, shown)}});
  return {{"kind", std::string(to_string(advice.kind))},
          {"subject", advice.subject},
          {"what", advice.what},
          {"evidence", std::move(evidence)},
          {"costs", advice.costs},
          {"steps", std::move(steps)}};
}

}  // namespace

json::object to_json(const AdviceShown& shown) {
  const auto& report = shown.report;
  json::array advice, servers;
  for (const auto& one : report.advised.advice) advice.push_back(advice_json(one, shown));
  for (const auto& source : report.servers)
    servers.push_back({{"server", source.server}, {"since", source.since}, {"days", source.days}});
  return {{"cluster", shown.cluster},
          {"advice", std::move(advice)},
          {"not_judged", operations::json_array(report.advised.not_judged)},
          {"away", operations::json_array(report.away)},
          {"servers", std::move(servers)},
          {"routers", operations::json_array(report.routers)}};
}

void print_advice(const AdviceShown& shown, const Terminal& terminal) {
  const auto& report = shown.report;
  for (const auto& away : report.away) terminal.warning(safe(away));
  for (const auto& advice : report.advised.advice) {
    if (terminal.out_is_tty)
      print_paragraph(advice, shown, terminal);
    else
      print_lines(advice, shown, terminal);
  }
  if (report.advised.advice.empty()) terminal.out << "nothing is advised\n";
  for (const auto& reason : report.advised.not_judged) terminal.note("not judged: " + safe(reason));
  if (report.routers.empty())
    terminal.note("no router was asked, so nothing is said of requests and load; --router URL asks one");
}

}  // namespace shardplex::cli
