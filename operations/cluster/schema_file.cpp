#include "operations/cluster/schema_file.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "operations/process/failure.hpp"

namespace shardplex::operations {
namespace {

// What pg_dump sets for its own statements and leaves behind, as far as what comes after depends on it.
constexpr std::string_view settings_as_before =
    "\n;RESET search_path; RESET row_security; RESET client_min_messages; RESET check_function_bodies;";

/// Lines of a dump that make nothing here: the schema public is there, psql's restricted mode is psql's,
/// PostgreSQL 15 does not know the setting, and a shard's own trigger is made where the function is.
bool makes_nothing(std::string_view line) {
  return line == "CREATE SCHEMA public;" || line.starts_with("\\restrict ") ||
         line.starts_with("\\unrestrict ") || line.starts_with("SET transaction_timeout ") ||
         (line.starts_with("CREATE TRIGGER shardplex_place ") && line.ends_with(';'));
}

/// Where the text between two dollar signs, as in $$ or $body$, that opens or closes a string is at or behind
/// `from`; "" where there is none.
std::string_view dollar_quote(std::string_view line, std::size_t from) {
  for (auto open = line.find('$', from); open != std::string_view::npos; open = line.find('$', open + 1)) {
    const auto close = line.find('$', open + 1);
    if (close == std::string_view::npos) return {};
    const auto tag = line.substr(open + 1, close - open - 1);
    const bool is_tag = std::ranges::all_of(tag, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    });
    if (is_tag) return line.substr(open, close + 1 - open);
  }
  return {};
}

/// Follows strings between dollar quotes over lines: what stands in them is no line of the dump's own.
class DollarQuotes {
 public:
  bool inside() const { return !open_.empty(); }
  void read(std::string_view line) {
    for (std::size_t at = 0; at < line.size();) {
      if (inside()) {
        const auto end = line.find(open_, at);
        if (end == std::string_view::npos) return;
        at = end + open_.size();
        open_.clear();
      } else {
        const auto quote = dollar_quote(line, at);
        if (quote.empty()) return;
        open_ = quote;
        at = static_cast<std::size_t>(quote.data() - line.data()) + quote.size();
      }
    }
  }

 private:
  std::string open_;
};

std::string problem_of(std::string_view line) {
  if (line.starts_with("COPY ") && line.ends_with("FROM stdin;"))
    return "it holds rows; dump the schema alone (pg_dump --schema-only), and load the rows with shardplex "
           "load";
  if (line.starts_with('\\'))
    return "a command of psql (" + std::string(line.substr(0, line.find(' '))) + ") is no SQL; take it out";
  return {};
}

}  // namespace

std::string schema_statements(std::string_view file) {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  if (file.starts_with(byte_order_mark)) file.remove_prefix(byte_order_mark.size());
  std::string statements;
  std::vector<std::string> problems;
  DollarQuotes quotes;
  for (std::size_t number = 1; !file.empty(); ++number) {
    const auto end = std::min(file.find('\n'), file.size());
    auto line = file.substr(0, end);
    file.remove_prefix(std::min(end + 1, file.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    const bool own = !quotes.inside();
    if (!own || !line.starts_with("--")) quotes.read(line);
    if (const auto problem = own ? problem_of(line) : ""; !problem.empty() && !makes_nothing(line)) {
      problems.push_back("the schema file, line " + std::to_string(number) + ": " + problem);
      if (problem.starts_with("it holds rows")) break;  // what follows are the rows
    }
    if (!own || !makes_nothing(line)) statements.append(line);
    statements += '\n';
  }
  if (!problems.empty()) throw CommandFailed(std::move(problems));
  if (statements.find("set_config('search_path'") != std::string::npos) statements += settings_as_before;
  return statements;
}

}  // namespace shardplex::operations
