#include <doctest/doctest.h>

#include <boost/json/parse.hpp>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "query/catalogue/catalogue.hpp"
#include "query/catalogue/functions.hpp"
#include "router/execution/api_documents.hpp"
#include "router/execution/worker.hpp"
#include "router/services/movies/endpoints.hpp"
#include "tests/router/http/run.hpp"

using namespace shardplex;
using namespace shardplex::router;

namespace {

class NoRefresher final : public Refresher {
 public:
  void request_refresh() override {}
  void request_probes() override {}
  void saw_timeline(const std::string&, std::int64_t) override {}
  void request_tables() override { ++table_requests; }
  int table_requests = 0;
};

/// The movies API on a worker without servers.
class MoviesApi {
 public:
  using Fields = std::initializer_list<std::pair<const char*, const char*>>;

  explicit MoviesApi(bool plans = false) { settings_.plans = plans; }

  /// From now on there is a catalogue: movies is served, ratings is not.
  void look_at_shards(std::size_t more_columns = 0) {
    Table movies;
    movies.name = "movies";
    movies.has_slot_column = true;
    movies.columns.resize(2);
    movies.columns[0].name = "id";
    movies.columns[0].type = "bigint";
    movies.columns[0].type_name = "int8";
    movies.columns[0].type_schema = "pg_catalog";
    movies.columns[1].name = "name";
    movies.columns[1].type = movies.columns[1].type_name = "text";
    movies.columns[1].type_schema = "pg_catalog";
    movies.primary_key = {"id"};
    for (std::size_t i = 0; i < more_columns; ++i) {
      movies.columns.push_back(movies.columns[1]);
      movies.columns.back().name += std::to_string(i);
    }
    Catalogue catalogue;
    catalogue.tables["movies"] = movies;
    catalogue.tables["dramas"] = movies;
    catalogue.tables["dramas"].name = "dramas";
    catalogue.tables["dramas"].primary_key.clear();
    catalogue.tables["dramas"].kind = TableKind::view;
    catalogue.refused["ratings"] = "ratings: the table is missing on beta";
    Function cover;
    cover.name = "cover";
    cover.volatility = Function::Volatility::stable;
    cover.returns = Function::Returns::value;
    cover.columns.resize(1);
    cover.columns[0].name = value_column;
    cover.columns[0].type = "\"image/png\"";
    cover.columns[0].type_name = "image/png";
    cover.columns[0].type_schema = "public";
    cover.columns[0].base_type_name = "bytea";
    cover.columns[0].base_type_schema = "pg_catalog";
    catalogue.functions["cover"] = {cover};
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->version = snapshot->map_version = 1;
    snapshot->map = std::make_shared<const ShardMap>(
        "movies", std::vector<Shard>{{"alpha", "host=a", {}}},
        std::vector<Group>{{"catalog", 4, HashStrategy{}, std::vector<ShardId>(4, ShardId{0})}},
        std::vector<TablePlacement>{{"movies", false, GroupId{0}, "id"},
                                    {"ratings", false, GroupId{0}, "movie_id"}},
        std::vector<MapRelation>{}, std::vector<TablePlacement>{{"dramas", false, GroupId{0}, "id"}},
        std::vector<MapFunction>{{"cover", MapFunction::Runs::any}});
    snapshot->catalogue = std::make_shared<const Catalogue>(std::move(catalogue));
    snapshot->ownership =
        std::make_shared<const Ownership>(*snapshot->map, std::vector<std::optional<ShardOwnership>>(1));
    snapshot->shards.resize(1);
    expose_schemas(*snapshot, {"public"}, nullptr);
    worker_.adopt(std::move(snapshot));
  }

  Answer ask(const char* method, const char* target, Fields fields = {}, std::string body = "") {
    Request request;
    request.version(11);
    request.method_string(method);
    request.target(target);
    for (const auto& [name, value] : fields) request.insert(name, value);
    request.body() = std::move(body);
    call_ = std::make_unique<Call>(std::move(request));
    return tests::run<Answer>(worker_.io(), serve(worker_, *call_));
  }
  const Snapshot& snapshot() { return *worker_.view()->snapshot; }
  bool next(BodyStream& stream, std::string& part) {
    return tests::run<Result<void>>(worker_.io(), stream.next(part)).has_value();
  }
  /// Of the request asked last.
  RouteLabel route() const { return call_->route; }
  int table_requests() const { return refresher_.table_requests; }
  /// Of the request asked last.
  std::string pattern() { return std::string(metrics_.worker(0).patterns.text_of(call_->record.pattern)); }
  const RequestRecord& record() const { return call_->record; }

 private:
  static Settings settings() {
    Settings s;
    s.request_timeout = std::chrono::milliseconds(100);
    return s;
  }
  Settings settings_ = settings();
  NoRefresher refresher_;
  IdSource ids_;
  Metrics metrics_{1};
  Worker worker_{settings_, refresher_, ids_, metrics_.worker(0)};
  std::unique_ptr<Call> call_;
};

bool has_code(const Answer& answer, const std::string& code) {
  return answer.body.find("\"code\":\"" + code + "\"") != std::string::npos;
}

std::string field(const Answer& answer, const char* name) {
  return std::string(answer.fields[name]);
}

}  // namespace

TEST_CASE("until a shard has answered, every table is 503, and what is no endpoint is still told apart") {
  MoviesApi api;
  const auto answer = api.ask("GET", "/movies");
  CHECK(answer.status == 503);
  CHECK(has_code(answer, "SHARD503"));
  CHECK(field(answer, "Retry-After") == "1");
  CHECK(api.ask("OPTIONS", "/movies").status == 503);
  CHECK(api.ask("POST", "/movies/1").status == 405);
  CHECK(api.ask("GET", "/").status == 503);
  CHECK(api.ask("GET", "/a/b/c").status == 404);
}

TEST_CASE("while tables change, a read that finds no shard is asked again, and a write is not") {
  MoviesApi api;
  api.look_at_shards();
  CHECK(has_code(api.ask("GET", "/movies?id=eq.1"), "SHARD503"));
  CHECK(api.table_requests() == 0);
  api.look_at_shards();  // another catalogue
  const auto written = api.ask("PATCH", "/movies?id=eq.1", {}, R"({"name":"x"})");
  CHECK(has_code(written, "SHARD503"));
  CHECK(api.table_requests() == 0);
  CHECK(has_code(api.ask("GET", "/movies?id=eq.1"), "SHARD503"));
  CHECK(api.table_requests() == 1);
}

TEST_CASE("requests that no endpoint or table is there for are refused by name") {
  struct Row {
    const char *method, *target;
    unsigned status;
    const char* code;
    RouteLabel route;
  };
  MoviesApi api;
  api.look_at_shards();
  for (const auto& row : std::initializer_list<Row>{
           {"POST", "/", 405, "PGRST101", RouteLabel::other},
           {"DELETE", "/openapi.json", 405, "PGRST101", RouteLabel::other},
           {"GET", "/movies/1/cast", 404, "PGRST125", RouteLabel::other},
           {"GET", "/movies//", 404, "PGRST125", RouteLabel::other},
           {"GET", "/mov%FFies", 404, "PGRST125", RouteLabel::other},
           {"GET", "/films", 404, "PGRST205", RouteLabel::table},
           {"GET", "/films/", 404, "PGRST205", RouteLabel::table},
           {"GET", "/films/1", 404, "PGRST205", RouteLabel::row},
           {"OPTIONS", "/films", 404, "PGRST205", RouteLabel::table},
           {"GET", "http://movies.example/films?id=eq.1", 404, "PGRST205", RouteLabel::table},
           {"GET", "/ratings", 404, "SHARD404", RouteLabel::table},
           {"POST", "/movies/1", 405, "PGRST101", RouteLabel::row},
           {"GET", "/dramas?id=five.5", 400, "PGRST100", RouteLabel::table},
           {"GET", "/dramas/1", 404, "PGRST125", RouteLabel::row},
           {"POST", "/dramas", 400, "SHARD400", RouteLabel::table},
           {"PUT", "/dramas?id=eq.1", 400, "SHARD400", RouteLabel::table},
           {"PATCH", "/dramas?id=eq.1", 400, "SHARD400", RouteLabel::table},
           {"DELETE", "/dramas?id=eq.1", 400, "SHARD400", RouteLabel::table},
           {"DELETE", "/dramas/1", 400, "SHARD400", RouteLabel::row},
           {"TRACE", "/movies", 405, "PGRST101", RouteLabel::other},
           {"GET", "/rpc/top_movies", 404, "PGRST202", RouteLabel::other},
           {"POST", "/rpc/top_movies?n=eq.3", 404, "PGRST202", RouteLabel::other},
           {"POST", "/rpc/top_movies?n=3", 400, "PGRST100", RouteLabel::other},
           {"DELETE", "/rpc/top_movies", 405, "PGRST101", RouteLabel::other},
           {"GET", "/rpc", 404, "PGRST205", RouteLabel::table},
           {"BREW", "/movies", 405, "PGRST117", RouteLabel::other},
       }) {
    CAPTURE(std::string(row.method));
    CAPTURE(std::string(row.target));
    const auto answer = api.ask(row.method, row.target);
    CHECK(answer.status == row.status);
    CHECK(has_code(answer, row.code));
    CHECK(api.route() == row.route);
    CHECK(field(answer, "Server-Timing").starts_with("parse;dur="));
    CHECK(answer.fields.count("Shardplex-Shards") == 0);
  }
}

TEST_CASE("a table that is not there is refused with the one that is probably meant") {
  MoviesApi api;
  api.look_at_shards();
  const auto hinted = [&](const char* target) {
    return api.ask("GET", target).body.find("Perhaps you meant the table 'public.movies'") !=
           std::string::npos;
  };
  CHECK(hinted("/movie"));
  CHECK(hinted("/moveis/5"));
  CHECK_FALSE(hinted("/films"));
}

TEST_CASE("pages of other origins are answered, preflight requests before anything is looked up") {
  MoviesApi api;
  const auto preflight =
      api.ask("OPTIONS", "/no/such/path",
              {{"Origin", "http://example.com"}, {"Access-Control-Request-Method", "POST"}});
  CHECK(preflight.status == 200);
  CHECK(field(preflight, "Access-Control-Max-Age") == "86400");
  const auto refused = api.ask("GET", "/movies", {{"Origin", "http://example.com"}});
  CHECK(refused.status == 503);
  CHECK(field(refused, "Access-Control-Allow-Origin") == "*");
  CHECK(api.ask("GET", "/movies").fields.count("Access-Control-Allow-Origin") == 0);
}

TEST_CASE("OPTIONS and 405 list the methods of the path") {
  MoviesApi api;
  api.look_at_shards();
  const std::string of_table = "OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE",
                    of_row = "OPTIONS,GET,HEAD,PUT,PATCH,DELETE";
  CHECK(field(api.ask("OPTIONS", "/movies"), "Allow") == of_table);
  CHECK(field(api.ask("OPTIONS", "/movies/1"), "Allow") == of_row);
  CHECK(field(api.ask("OPTIONS", "/dramas"), "Allow") == "OPTIONS,GET,HEAD");
  CHECK(field(api.ask("OPTIONS", "/rpc/top_movies"), "Allow") == "OPTIONS,GET,HEAD,POST");
  CHECK(field(api.ask("POST", "/movies/1"), "Allow") == of_row);
  CHECK(field(api.ask("BREW", "/movies"), "Allow") == of_table);
  CHECK(field(api.ask("BREW", "/movies/1"), "Allow") == of_row);
  CHECK(field(api.ask("BREW", "/a/b/c"), "Allow") == of_table);
  // It has no rows, and so none in a format that would not be served.
  CHECK(api.ask("OPTIONS", "/movies", {{"Accept", "image/png"}}).status == 200);
}

TEST_CASE("/ describes what is served in OpenAPI 2.0, and /openapi.json in 3.1") {
  MoviesApi api;
  api.look_at_shards();
  for (const auto* method : {"GET", "HEAD"}) {
    const auto two = api.ask(method, "/"), three = api.ask(method, "/openapi.json");
    CHECK(two.status == 200);
    CHECK(two.body.starts_with(R"({"swagger":"2.0",)"));
    CHECK(three.body.starts_with(R"({"openapi":"3.1.0",)"));
    for (const auto* document : {&two, &three}) {
      CHECK(document->content_type == "application/openapi+json; charset=utf-8");
      CHECK(document->body.find("/movies") != std::string::npos);
      CHECK(document->body.find("/ratings") == std::string::npos);  // it is not served
    }
  }
  CHECK(field(api.ask("OPTIONS", "/"), "Allow") == "OPTIONS,GET,HEAD");
  CHECK(field(api.ask("POST", "/openapi.json"), "Allow") == "OPTIONS,GET,HEAD");
}

TEST_CASE("the documents are JSON, for who takes JSON or OpenAPI's type of it") {
  MoviesApi api;
  api.look_at_shards();
  for (const auto* target : {"/", "/openapi.json"}) {
    for (const auto* accepted : {"application/openapi+json", "application/json", "*/*", "application/*",
                                 "text/html, application/xml;q=0.9, */*;q=0.8"})
      CHECK_MESSAGE(api.ask("GET", target, {{"Accept", accepted}}).status == 200, std::string(accepted));
    for (const auto* refused : {"text/csv", "application/vnd.pgrst.object+json", "application/json;q=0"}) {
      const auto answer = api.ask("GET", target, {{"Accept", refused}});
      CHECK(answer.status == 406);
      CHECK(has_code(answer, "PGRST107"));
    }
    CHECK(has_code(api.ask("GET", target, {{"Accept-Profile", "private"}}), "PGRST106"));
  }
}

TEST_CASE("a document is made once for a catalogue, and anew for another") {
  MoviesApi api;
  api.look_at_shards();
  CHECK(api.ask("GET", "/").status == 200);
  ApiDocuments documents;
  const auto first = documents.find(api.snapshot().schemas.front(), ApiDialect::openapi_3);
  CHECK(documents.find(api.snapshot().schemas.front(), ApiDialect::openapi_3) == first);
  CHECK(*documents.find(api.snapshot().schemas.front(), ApiDialect::openapi_2) != *first);
  api.look_at_shards();
  CHECK(api.ask("GET", "/").status == 200);
  CHECK(documents.find(api.snapshot().schemas.front(), ApiDialect::openapi_3) != first);
}

TEST_CASE("a long document goes out in parts, all of which together are JSON") {
  MoviesApi api;
  api.look_at_shards(2000);
  auto answer = api.ask("GET", "/openapi.json");
  REQUIRE(answer.rest);
  std::string all = answer.body, part;
  do {
    part.clear();
    REQUIRE(api.next(*answer.rest, part));
    CHECK(part.size() <= 64 * 1024);
    all += part;
  } while (!part.empty());
  const auto document = boost::json::parse(all);
  CHECK(document.at_pointer("/components/schemas/movies/properties").as_object().size() == 2002);
}

TEST_CASE("Accept on several lines is one list") {
  MoviesApi api;
  api.look_at_shards();
  const auto answer = api.ask("GET", "/movies", {{"Accept", "image/png"}, {"Accept", "text/plain"}});
  CHECK(answer.status == 406);
  CHECK(answer.body.find("image/png, text/plain") != std::string::npos);
  CHECK(field(answer, "Vary").starts_with("Accept, "));
  CHECK(answer.content_type == "application/json; charset=utf-8");
  // Refused for want of a shard, not of a format.
  CHECK(api.ask("GET", "/movies", {{"Accept", "image/png"}, {"Accept", "text/csv"}}).status == 503);
}

TEST_CASE("a function's own media type is acceptable, of its one value as it is") {
  MoviesApi api;
  api.look_at_shards();
  const auto code_of = [&](const char* method, const char* target, const char* accept) {
    const auto answer =
        api.ask(method, target, {{"Accept", accept}, {"Content-Type", "application/json"}}, "{}");
    for (const auto* code : {"PGRST107", "SHARD503"})
      if (has_code(answer, code)) return std::string(code);
    return answer.body;
  };
  for (const auto* method : {"GET", "HEAD", "POST"}) {
    // Refused for want of a shard, not of a format.
    CHECK(code_of(method, "/rpc/cover", "image/png") == "SHARD503");
    CHECK(code_of(method, "/rpc/cover", "*/*") == "SHARD503");
    CHECK(code_of(method, "/rpc/cover", "image/gif") == "PGRST107");
    CHECK(code_of(method, "/rpc/cover", "application/octet-stream") == "PGRST107");
    CHECK(code_of(method, "/rpc/cover?select=pgrst_scalar", "image/png") == "PGRST107");
  }
  CHECK(code_of("GET", "/movies", "image/png") == "PGRST107");
}

TEST_CASE("what a request's fields ask for and is not served is refused before any shard is asked") {
  struct Row {
    const char *method, *target, *name, *value;
    unsigned status;
    const char* code;
  };
  MoviesApi api;
  api.look_at_shards();
  for (const auto& row : std::initializer_list<Row>{
           {"GET", "/movies?id=five.5", "X", "x", 400, "PGRST100"},
           {"GET", "/movies", "Accept-Profile", "private", 406, "PGRST106"},
           {"POST", "/movies", "Content-Profile", "private", 406, "PGRST106"},
           {"GET", "/movies", "Prefer", "handling=strict, nonsense=1", 400, "PGRST122"},
           {"GET", "/movies/1", "Prefer", "handling=strict, partial=allow", 400, "PGRST122"},
           {"GET", "/movies?id=eq.1", "Prefer", "handling=strict, partial=allow", 400, "PGRST122"},
           {"GET", "/movies?select=count()", "Prefer", "handling=strict, partial=allow", 400, "PGRST122"},
           {"GET", "/rpc/top_movies", "Prefer", "handling=strict, partial=allow", 400, "PGRST122"},
           {"POST", "/movies", "Prefer", "handling=strict, partial=allow", 400, "PGRST122"},
           {"DELETE", "/movies?id=eq.1", "Prefer", "handling=strict, partial=allow", 400, "PGRST122"},
           {"GET", "/movies", "Prefer", "handling=strict, partial=allow", 503, "SHARD503"},
           {"GET", "/movies", "Accept", "image/png", 406, "PGRST107"},
           {"GET", "/movies", "Shardplex-Consistency", "weak", 400, "SHARD400"},
           {"POST", "/movies", "Idempotency-Key", "k", 400, "SHARD400"},
           {"POST", "/movies", "Content-Type", "text/xml", 400, "PGRST102"},
           {"GET", "/movies?select=nothing", "X", "x", 400, "42703"},
       }) {
    CAPTURE(std::string(row.target));
    CAPTURE(std::string(row.value));
    const auto answer = api.ask(row.method, row.target, {{row.name, row.value}}, "{}");
    CHECK(answer.status == row.status);
    CHECK_MESSAGE(has_code(answer, row.code), answer.body);
  }
}

TEST_CASE("plans are of reads of tables and views, where they are served at all") {
  struct Row {
    const char *method, *target;
    const char *without, *with;  // the code
  };
  MoviesApi without, with(true);
  without.look_at_shards();
  with.look_at_shards();
  for (const auto& row : std::initializer_list<Row>{
           {"GET", "/movies", "PGRST107", "SHARD503"},
           {"HEAD", "/movies/1", "PGRST107", "SHARD503"},
           {"GET", "/dramas?id=eq.1", "PGRST107", "SHARD503"},
           {"GET", "/movies?select=nothing", "PGRST107", "42703"},
           {"POST", "/movies", "PGRST107", "SHARD400"},
           {"PATCH", "/movies?id=eq.1", "PGRST107", "SHARD400"},
           {"PUT", "/movies/1", "PGRST107", "SHARD400"},
           {"DELETE", "/movies/1", "PGRST107", "SHARD400"},
           {"GET", "/rpc/cover", "PGRST107", "SHARD400"},
           {"POST", "/rpc/cover", "PGRST107", "SHARD400"},
           {"GET", "/rpc/top_movies", "PGRST202", "PGRST202"},
           {"GET", "/", "PGRST107", "PGRST107"},
       }) {
    CAPTURE(std::string(row.method));
    CAPTURE(std::string(row.target));
    const MoviesApi::Fields plan{{"Accept", "application/vnd.pgrst.plan+json; options=analyze"}};
    const auto refused = without.ask(row.method, row.target, plan),
               asked = with.ask(row.method, row.target, plan);
    CHECK_MESSAGE(has_code(refused, row.without), refused.body);
    CHECK_MESSAGE(has_code(asked, row.with), asked.body);
  }
  const auto named =
      with.ask("GET", "/movies", {{"Accept", "application/vnd.pgrst.plan; for=\"image/png\""}});
  CHECK(has_code(named, "PGRST107"));
  const auto in_part =
      with.ask("GET", "/movies",
               {{"Accept", "application/vnd.pgrst.plan+json"}, {"Prefer", "handling=strict, partial=allow"}});
  CHECK(has_code(in_part, "PGRST122"));
}

TEST_CASE("who reads names a schema in Accept-Profile, and who writes in Content-Profile") {
  MoviesApi api;
  api.look_at_shards();
  const auto refused = api.ask("GET", "/movies", {{"Accept-Profile", "private"}});
  CHECK(refused.status == 406);
  CHECK(refused.body.find("Invalid schema: private") != std::string::npos);
  CHECK(refused.body.find("Only the following schemas are exposed: public") != std::string::npos);
  // A table is looked for in the schema, so that comes first.
  CHECK(has_code(api.ask("GET", "/nothing", {{"Accept-Profile", "private"}}), "PGRST106"));
  CHECK(has_code(api.ask("GET", "/nothing", {{"Accept-Profile", "public"}}), "PGRST205"));
  for (const auto* method : {"POST", "PATCH", "PUT", "DELETE"}) {
    CAPTURE(std::string(method));
    CHECK(has_code(api.ask(method, "/nothing", {{"Content-Profile", "private"}}), "PGRST106"));
    CHECK(has_code(api.ask(method, "/nothing", {{"Accept-Profile", "private"}}), "PGRST205"));
  }
  CHECK(has_code(api.ask("POST", "/rpc/f", {{"Content-Profile", "private"}}), "PGRST106"));
  CHECK(has_code(api.ask("GET", "/nothing", {{"Content-Profile", "private"}}), "PGRST205"));
  // Of one schema the answer tells the name only where the request does.
  CHECK(field(api.ask("GET", "/"), "Content-Profile").empty());
  CHECK(field(api.ask("GET", "/", {{"Accept-Profile", "public"}}), "Content-Profile") == "public");
}

TEST_CASE("a shard that is silent is 503 or 504, never an empty answer") {
  MoviesApi api;
  api.look_at_shards();
  for (const auto* target : {"/movies/1", "/movies?id=eq.1", "/movies"}) {
    CAPTURE(std::string(target));
    const auto answer = api.ask("GET", target);
    CHECK_MESSAGE((answer.status == 503 || answer.status == 504), answer.body);
  }
}

TEST_CASE("a request has the pattern of its shape, whatever its values are") {
  struct Row {
    const char *method, *target, *pattern;
    bool is_explained = true;
  };
  MoviesApi api;
  api.look_at_shards();
  for (const auto& row : std::initializer_list<Row>{
           {"GET", "/movies?id=eq.1", "GET /movies?id=eq.?"},
           {"HEAD", "/movies?id=eq.secret", "HEAD /movies?id=eq.?"},
           {"GET", "/movies/1", "GET /movies/{key}"},
           {"GET", "/movies/1?select=name", "GET /movies/{key}?select=name"},
           {"GET", "http://host/movies?order=name&limit=5&offset=2", "GET /movies?order=name&limit=?"},
           {"DELETE", "/movies/1", "DELETE /movies/{key}"},
           {"PATCH", "/movies?id=eq.1", "PATCH /movies?id=eq.?"},
           {"POST", "/movies?columns=name", "POST /movies?columns=name"},
           {"OPTIONS", "/movies", "OPTIONS /movies", false},
           {"GET", "/", "GET /", false},
           {"OPTIONS", "/rpc/secret", "OPTIONS /rpc/{function}", false},
       }) {
    CAPTURE(std::string(row.target));
    api.ask(row.method, row.target, {}, R"({"name":"secret"})");
    CHECK(api.pattern() == row.pattern);
    CHECK(api.record().is_explained == row.is_explained);
  }
  api.ask("GET", "/movies",
          {{"Range", "0-9"}, {"Prefer", "count=exact"}, {"Shardplex-Consistency", "strong"}});
  CHECK(api.pattern() == "GET /movies?limit=?; Prefer: count=exact; Shardplex-Consistency: strong");
}

TEST_CASE("of a request that is refused for what it says, the pattern has nothing that it says") {
  struct Row {
    const char *method, *target, *pattern;
  };
  MoviesApi api;
  api.look_at_shards();
  for (const auto& row : std::initializer_list<Row>{
           {"GET", "/secret", "GET /{table}: refused with PGRST205"},
           {"GET", "/secret/1", "GET /{table}/{key}: refused with PGRST205"},
           {"GET", "/ratings", "GET /{table}: refused with SHARD404"},
           {"GET", "/movies?id=secret", "GET /movies: refused with PGRST100"},
           {"GET", "/movies?secret=eq.1", "GET /movies: refused with 42703"},
           {"GET", "/movies?select=secret(*)", "GET /movies: refused with PGRST200"},
           {"GET", "/dramas/secret", "GET /dramas/{key}: refused with PGRST125"},
           {"POST", "/rpc/secret", "POST /rpc/{function}: refused with PGRST202"},
           {"GET", "/a/secret/c", "(no endpoint)"},
           {"BREW", "/movies", "(no endpoint)"},
           {"POST", "/movies/1", "(no endpoint)"},
       }) {
    CAPTURE(std::string(row.target));
    api.ask(row.method, row.target, {}, "{}");
    CHECK(api.pattern() == row.pattern);
    CHECK_FALSE(api.record().is_explained);
  }
  api.ask("GET", "/movies?select=secret", {{"Accept", "image/png"}});
  CHECK(api.pattern() == "GET /movies: refused with PGRST107");
  api.ask("GET", "/movies?secret=eq.1", {{"Range", "5-2"}});
  CHECK(api.pattern() == "GET /movies: refused with PGRST103");
  api.ask("POST", "/movies?columns=secret", {{"Idempotency-Key", "1"}}, "{}");
  CHECK(api.pattern() == "POST /movies: refused with SHARD400");
}
