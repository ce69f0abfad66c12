#include "router/settings.hpp"

#include <algorithm>
#include <boost/program_options.hpp>
#include <boost/url/parse.hpp>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <limits>
#include <sstream>
#include <stdexcept>

#include "router/version.hpp"
#include "shard_map/map_name.hpp"

namespace shardplex::router {
namespace {

namespace po = boost::program_options;

/// PostgreSQL counts the milliseconds of statement_timeout in 31 bits.
constexpr auto longest_duration = std::chrono::hours(24 * 24);

/// "250ms", "30s", "5m" as an option's value.
struct Duration {
  std::chrono::milliseconds value{0};
};

void validate(boost::any& out, const std::vector<std::string>& values, Duration*, int) {
  po::validators::check_first_occurrence(out);
  const std::string& text = po::validators::get_single_string(values);
  const auto digits = text.find_first_not_of("0123456789");
  const std::string unit = digits == std::string::npos ? "" : text.substr(digits);
  const std::int64_t scale = unit == "ms" ? 1 : unit == "s" ? 1000 : unit == "m" ? 60'000 : 0;
  if (scale == 0 || digits == 0 || digits > 9)
    throw po::error("'" + text + "' is not a duration; write it like 250ms, 30s or 5m");
  const std::chrono::milliseconds value(std::stoll(text.substr(0, digits)) * scale);
  if (value > longest_duration) throw po::error("'" + text + "' is too long; the most is 34560m, 24 days");
  out = Duration{value};
}

std::ostream& operator<<(std::ostream& out, const Duration& duration) {
  return duration.value.count() % 1000 == 0 ? out << duration.value.count() / 1000 << "s"
                                            : out << duration.value.count() << "ms";
}

/// A number of digits only: lexical_cast would take "-1" for the largest one.
struct WholeNumber {
  std::uint64_t value = 0;
};

void validate(boost::any& out, const std::vector<std::string>& values, WholeNumber*, int) {
  po::validators::check_first_occurrence(out);
  const std::string& text = po::validators::get_single_string(values);
  WholeNumber number;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number.value);
  if (error != std::errc() || end != text.data() + text.size())
    throw po::error("'" + text + "' is not a whole number");
  out = number;
}

std::ostream& operator<<(std::ostream& out, const WholeNumber& number) {
  return out << number.value;
}

LogLevel parse_level(const std::string& text) {
  if (text == "debug") return LogLevel::debug;
  if (text == "info") return LogLevel::info;
  if (text == "warning") return LogLevel::warning;
  if (text == "error") return LogLevel::error;
  throw po::error("log-level '" + text + "' is not one of debug, info, warning, error");
}

/// A duration option bound to a setting, with the setting's value as the default.
auto duration(std::chrono::milliseconds& target) {
  return po::value<Duration>()
      ->default_value(Duration{target})
      ->value_name("TIME")
      ->notifier([&target](const Duration& given) { target = given.value; });
}

/// A whole number bound to a setting; what does not fit the setting is refused, not wrapped.
template <class T>
auto number(T& target) {
  return po::value<WholeNumber>()
      ->default_value(WholeNumber{target})
      ->value_name("N")
      ->notifier([&target](const WholeNumber& given) {
        if (given.value > std::numeric_limits<T>::max())
          throw po::error("'" + std::to_string(given.value) + "' is too large; the most is " +
                          std::to_string(std::numeric_limits<T>::max()));
        target = static_cast<T>(given.value);
      });
}

/// "a.example, B.example:8080" → {"a.example", "b.example:8080"}.
std::vector<std::string> names_in(const std::string& list) {
  std::vector<std::string> names(1);
  for (const char c : list) {
    if (c == ',')
      names.emplace_back();
    else if (c != ' ')
      names.back() += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  std::erase(names, "");
  return names;
}

/// Whether browsers send such an origin: scheme://host or scheme://host:port, and nothing else.
bool is_origin(const std::string& text) {
  const auto url = boost::urls::parse_uri(text);
  return url && url->has_authority() && !url->has_userinfo() && !url->encoded_host().empty() &&
         url->encoded_path().empty() && !url->has_query() && !url->has_fragment();
}

std::vector<std::string> origins_in(const std::string& list) {
  auto origins = names_in(list);
  for (const auto& origin : origins)
    if (!is_origin(origin))
      throw po::error("'" + origin +
                      "' in --cors-allowed-origins is no origin: they are written as https://shop.example or "
                      "http://localhost:8080. Without the option pages of all origins may call");
  return origins;
}

/// "public, Catalog" → {"public", "Catalog"}: names of schemas, as the database has them.
std::vector<std::string> schemas_in(const std::string& list) {
  std::vector<std::string> schemas;
  for (std::size_t at = 0; at <= list.size();) {
    const auto end = std::min(list.find(',', at), list.size());
    std::string schema = list.substr(at, end - at);
    schema.erase(0, std::min(schema.find_first_not_of(' '), schema.size()));
    schema.erase(schema.find_last_not_of(' ') + 1);
    if (const auto problem = schema_problem(schema))
      throw po::error("'" + schema + "' in --schemas: " + *problem);
    if (std::ranges::find(schemas, schema) != schemas.end())
      throw po::error("'" + schema + "' is twice in --schemas");
    schemas.push_back(std::move(schema));
    at = end + 1;
  }
  return schemas;
}

/// A list of names, separated by commas, bound to a setting.
auto names(std::vector<std::string>& target) {
  return po::value<std::string>()->value_name("LIST")->notifier(
      [&target](const std::string& list) { target = names_in(list); });
}

postgres::LaneSettings& lane_of(Settings& s, postgres::Lane lane) {
  return s.pool.lanes[static_cast<std::size_t>(lane)];
}

void require(bool holds, const char* message) {
  if (!holds) throw po::error(message);
}

void check(const Settings& s) {
  require(!s.map_file.empty(), "--map FILE is needed: the YAML shard map (see config/movies-hash.yaml)");
  require(s.workers <= 256, "--workers has to be at most 256");
  require(s.limits.url_bytes >= 256, "--max-url-bytes has to be at least 256");
  require(s.limits.header_bytes >= 1024, "--max-header-bytes has to be at least 1024");
  require(s.limits.connections_per_worker > 0, "--max-connections has to be at least 1");
  require(s.request_timeout.count() > 0, "--request-timeout has to be more than 0");
  require(s.stream_timeout.count() > 0, "--stream-timeout has to be more than 0");
  require(s.poll_interval.count() >= 10, "--poll-interval has to be at least 10ms");
  require(s.stream_window_bytes >= 1024, "--stream-window-bytes has to be at least 1024");
  for (const auto& lane : s.pool.lanes)
    require(lane.connections > 0, "each of the --*-connections has to be at least 1");
  require(s.big_answers > 0, "--stream-connections has to be at least 1");
  require(s.limits.body_rows > 0, "--max-body-rows has to be at least 1");
  require(s.memory_budget_bytes >= 8 * std::uint64_t{1024} * 1024,
          "--memory-budget-bytes has to be at least 8388608");
}

po::options_description general_options() {
  po::options_description options("General");
  options.add_options()("help,h", "print this text and exit")("version,V", "print the version and exit")(
      "config,c", po::value<std::string>()->value_name("FILE"),
      "read the options below from a file of name = value lines");
  return options;
}

po::options_description router_options(Settings& s) {
  po::options_description options("Router");
  options.add_options()("map,m", po::value(&s.map_file)->value_name("FILE"),
                        "YAML shard map; read again on SIGHUP")(
      "address", po::value(&s.address)->default_value(s.address)->value_name("IP"),
      "public address to listen on")("port,p", number(s.port), "public port; 0 takes any free one")(
      "admin-address", po::value(&s.admin_address)->default_value(s.admin_address)->value_name("IP"),
      "address of the admin port")("admin-port", number(s.admin_port), "admin port; 0 takes any free one")(
      "workers", number(s.workers), "threads that serve requests; 0 is one per core")(
      "request-timeout", duration(s.request_timeout),
      "until an answer begins; of one that streams, then for each part of it to come and to be taken")(
      "stream-timeout", duration(s.stream_timeout),
      "from the beginning of an answer that streams to its end")(
      "drain-delay", duration(s.drain_delay),
      "between /ready saying no and refusing connections, on SIGTERM")(
      "drain-timeout", duration(s.drain_timeout), "how long SIGTERM waits for requests in flight")(
      "poll-interval", duration(s.poll_interval), "between looks at every server")(
      "max-replica-lag", duration(s.max_replica_lag), "a replica further behind is passed over")(
      "read-patience", duration(s.read_patience),
      "how long reads wait for a shard none of whose servers can be read just now")(
      "confirm-primary",
      po::value(&s.confirm_primary)->default_value(s.confirm_primary, "on")->value_name("on|off"),
      "pass on writes and strong reads once the shard's other servers say that none was promoted")(
      "log-level",
      po::value<std::string>()->default_value("info")->value_name("LEVEL")->notifier(
          [&s](const std::string& text) { s.log_level = parse_level(text); }),
      "debug, info, warning or error")("access-log", po::bool_switch(&s.access_log), "log every request")(
      "slow-request", duration(s.slow_request),
      "log each request that takes as long, by its shape and without values; 0s is none")(
      "aggregates", po::value(&s.aggregates)->default_value(s.aggregates, "on")->value_name("on|off"),
      "let clients ask for count(), sum(), avg(), min() and max(), which may read a whole table")(
      "compression", po::value(&s.compression)->default_value(s.compression, "on")->value_name("on|off"),
      "send answers as gzip, br or zstd to clients that take them so")(
      "plans", po::value(&s.plans)->default_value(s.plans, "off")->value_name("on|off"),
      "let clients ask for PostgreSQL's plans (application/vnd.pgrst.plan), which reveal its internals")(
      "cors-allowed-origins",
      po::value<std::string>()->value_name("LIST")->notifier(
          [&s](const std::string& list) { s.cors_allowed_origins = origins_in(list); }),
      "origins whose pages may call, separated by commas; without it, all")(
      "schemas",
      po::value<std::string>()->default_value("public")->value_name("LIST")->notifier(
          [&s](const std::string& list) { s.schemas = schemas_in(list); }),
      "schemas that clients may name, separated by commas; the first is that of who names none");
  return options;
}

po::options_description limit_options(Settings& s) {
  auto& limits = s.limits;
  po::options_description options("Limits");
  options.add_options()("max-url-bytes", number(limits.url_bytes), "longest URL")(
      "max-header-bytes", number(limits.header_bytes), "longest request head")(
      "max-body-bytes", number(limits.body_bytes), "longest request body")(
      "max-body-rows", number(limits.body_rows), "most rows of one POST")(
      "max-rows", number(limits.rows), "most rows of one answer; 0 is no limit")(
      "max-answer-bytes", number(s.pool.connection.answer_bytes),
      "most bytes of one shard's part of an answer that is asked for whole, or of one row; 0 is no limit")(
      "memory-budget-bytes", number(s.memory_budget_bytes),
      "memory for the bodies, rows and answers of all requests under way; 503 beyond")(
      "max-filters", number(limits.parse.filters), "most filters of one request")(
      "max-nesting", number(limits.parse.nesting), "deepest nesting of and() and or()")(
      "max-list-items", number(limits.parse.list_items), "most items of one in.() list")(
      "max-connections", number(limits.connections_per_worker), "client connections per worker")(
      "header-timeout", duration(limits.header_timeout), "for a request's head to arrive")(
      "body-timeout", duration(limits.body_timeout), "for a request's body to arrive")(
      "idle-timeout", duration(limits.idle_timeout), "for an idle keep-alive connection")(
      "write-timeout", duration(limits.write_timeout), "in which a client has to keep up with --write-rate")(
      "write-rate", number(limits.write_rate), "bytes per second that a client has to take of its answer")(
      "allowed-hosts", names(limits.hosts), "names that Host may have, separated by commas; without it, any")(
      "stream-window-bytes", number(s.stream_window_bytes), "rows held per shard while a big answer streams");
  return options;
}

po::options_description pool_options(Settings& s) {
  using postgres::Lane;
  po::options_description options("PostgreSQL connections, per worker and server");
  options.add_options()("point-connections", number(lane_of(s, Lane::point).connections),
                        "for batched reads by key")(
      "read-connections", number(lane_of(s, Lane::read).connections), "for other reads")(
      "write-connections", number(lane_of(s, Lane::write).connections), "for writes")(
      "stream-connections", number(s.big_answers),
      "for answers larger than --stream-window-bytes, one each; as many more for those that may be")(
      "connect-timeout", duration(s.pool.connection.connect_timeout), "for a connection to be made")(
      "pool-wait", duration(s.pool.queue_wait), "for a place in a full pool");
  return options;
}

}  // namespace

std::variant<Settings, Exit> read_settings(int argc, const char* const* argv) {
  Settings s;
  po::options_description all(
      "Usage: shardplexd --map FILE [option]...\n\nThe sharding router: PostgREST's HTTP API over "
      "many PostgreSQL shards.\nSIGHUP reads the map again, SIGTERM drains and stops");
  po::options_description in_file;
  all.add(general_options());
  for (const auto& group : {router_options(s), limit_options(s), pool_options(s)}) {
    all.add(group);
    in_file.add(group);
  }

  try {
    po::variables_map values;
    po::store(po::command_line_parser(argc, argv).options(all).positional({}).run(), values);
    if (values.contains("help")) {
      std::ostringstream text;
      text << all;
      return Exit{0, text.str()};
    }
    if (values.contains("version")) return Exit{0, "shardplexd " + std::string(version) + "\n"};
    if (values.contains("config")) {
      const auto path = values["config"].as<std::string>();
      std::ifstream file(path);
      if (!file) return Exit{2, "shardplexd: cannot read --config file '" + path + "'\n"};
      po::store(po::parse_config_file(file, in_file), values);
    }
    po::notify(values);
    check(s);
    lane_of(s, postgres::Lane::stream).connections = 2 * s.big_answers;
  } catch (const po::error& e) {
    return Exit{2, "shardplexd: " + std::string(e.what()) + "\nTry 'shardplexd --help'.\n"};
  }
  s.pool.connection.statement_timeout = s.request_timeout;
  s.pool.stream_statement_timeout =
      std::min<std::chrono::milliseconds>(s.request_timeout + s.stream_timeout, longest_duration);
  return s;
}

}  // namespace shardplex::router
