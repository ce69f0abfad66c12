// explain: what a read would do, as a router says.
#include <boost/json.hpp>
#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/command_line.hpp"
#include "cli/explain_output.hpp"
#include "operations/cluster/ask_router.hpp"
#include "operations/process/failure.hpp"

namespace shardplex::cli {
namespace {

namespace json = boost::json;
namespace po = boost::program_options;

using operations::CommandFailed;
using operations::printable;

/// 'GET /movies?id=eq.1' → "/movies?id=eq.1". Bytes that no request line can have are percent-encoded.
std::string target_of(std::string_view request) {
  for (const std::string_view method : {"GET ", "HEAD "})
    if (request.starts_with(method)) request.remove_prefix(method.size());
  while (request.starts_with(' ')) request.remove_prefix(1);
  if (!request.starts_with('/'))
    throw UsageError("'" + printable(request) +
                     "' is not a read: 'GET /table?…' is expected; only reads are explained");
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string target;
  for (const char c : request) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte < 0x7F && c != '#')
      target += c;
    else
      (target += '%').append({digits[byte / 16], digits[byte % 16]});
  }
  return target;
}

using Fields = std::vector<std::pair<std::string, std::string>>;

Fields parse_fields(const std::vector<std::string>& lines) {
  Fields fields;
  for (const auto& line : lines) {
    const auto colon = line.find(':');
    const bool is_line = colon != line.npos && colon > 0 && line.find_first_of("\r\n ") >= colon &&
                         line.find_first_of("\r\n") == line.npos;
    if (!is_line) throw UsageError("--header takes 'Name: value', such as 'Prefer: count=exact'");
    const auto value = line.find_first_not_of(' ', colon + 1);
    fields.emplace_back(line.substr(0, colon), value == line.npos ? "" : line.substr(value));
  }
  return fields;
}

/// "SHARD400: This request cannot …; details; hint: …" of an error's JSON.
std::string refusal(unsigned status, const std::string& body) {
  boost::system::error_code ec;
  const auto parsed = json::parse(body, ec);
  const auto* error = ec ? nullptr : parsed.if_object();
  const auto text = [&](std::string_view name) -> std::string {
    const auto* found = error ? error->if_contains(name) : nullptr;
    if (found == nullptr || found->is_null()) return "";
    return found->is_string() ? std::string(found->as_string()) : json::serialize(*found);
  };
  if (text("code").empty())
    return "the router answered with status " + std::to_string(status) + ", and no plan";
  std::string sentence = text("code") + ": " + text("message");
  if (const auto details = text("details"); !details.empty()) sentence += "; " + details;
  if (const auto hint = text("hint"); !hint.empty()) sentence += "; hint: " + hint;
  return printable(sentence);
}

json::object ask_for_plan(const std::string& router, const std::string& target, const Fields& fields) {
  operations::RouterReply reply;
  try {
    reply = operations::ask_router(router, "/plan" + target, fields);
  } catch (const std::exception& error) {
    throw CommandFailed("router " + router + ": " + operations::one_line(error.what()));
  }
  if (reply.status != 200) throw CommandFailed(refusal(reply.status, reply.body));
  boost::system::error_code ec;
  auto plan = json::parse(reply.body, ec);
  if (ec || !plan.is_object()) throw CommandFailed("router " + router + ": its answer is no plan");
  return std::move(plan.as_object());
}

}  // namespace

int explain(Arguments args, const Terminal& terminal) {
  CommandOptions options(
      "explain [--router URL] [--header 'Name: value']... [--json] 'GET /table?…'",
      "Tells what a read would do, and does nothing of it: which shards are asked and why, the SQL for each "
      "with "
      "the\ntypes of its parameters, what is done with the rows, and what would make it cheaper. A read that "
      "would "
      "be\nrefused is refused here. A router is asked, so the plan is that of its map and its flags.");
  options.add()("router", po::value<std::string>()->value_name("URL")->default_value("http://127.0.0.1:9090"),
                "a router's admin port")(
      "header", po::value<std::vector<std::string>>()->composing()->value_name("FIELD"),
      "a field of the read, such as 'Prefer: count=exact'");
  options.add_json("print the router's answer");
  options.add_positional("request", 1);
  const auto given = options.parse(args, terminal);
  if (!given) return exit_ok;
  const auto target = target_of(given->required("request", "'GET /table?…'"));
  const auto fields = parse_fields(given->texts("header"));
  const auto plan = ask_for_plan(given->get<std::string>("router"), target, fields);
  if (given->json())
    terminal.out << plan << '\n';
  else
    print_explained_read(plan, terminal);
  return exit_ok;
}

}  // namespace shardplex::cli
