// Shard keys of two columns: the same requests to three shards and to one PostgreSQL, and what the command
// line makes of the rows.
#include <doctest/doctest.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "tests/integration/cluster.hpp"

namespace shardplex::integration {
namespace {

const std::string notes_sql = R"sql(
CREATE TABLE notes (tenant text, id bigint, title text, stars integer, PRIMARY KEY (tenant, id));
CREATE TABLE lines (tenant text, note bigint, number integer, words text, PRIMARY KEY (tenant, note, number),
                    CONSTRAINT lines_note FOREIGN KEY (tenant, note) REFERENCES notes ON DELETE CASCADE);
CREATE TABLE log (what text, of_tenant text, of_note bigint, PRIMARY KEY (of_tenant, of_note, what));
CREATE FUNCTION lines_of(tenant_of text, note_of bigint) RETURNS SETOF lines LANGUAGE sql STABLE
  AS 'SELECT * FROM lines WHERE tenant = $1 AND note = $2 ORDER BY number DESC';
)sql";

/// `slot`: the slot column, where there is one, with a comma.
std::string view_sql(const std::string& slot) {
  return "CREATE VIEW note_sizes AS SELECT n.tenant, n.id, " + slot +
         "count(l.number) AS size FROM notes n LEFT JOIN lines l ON l.tenant = n.tenant AND l.note = n.id "
         "GROUP BY " +
         slot + "n.tenant, n.id";
}

const std::string sharded_map = R"(groups:
  tenants:
    strategy: { hash: {} }
    placement: { alpha: [0-340], beta: [341-681], gamma: [682-1023] }
tables:
  notes: { group: tenants, key: [tenant, id] }
  lines: { group: tenants, key: [tenant, note] }
  log: { group: tenants, key: [of_tenant, of_note] }
)";
const std::string sharded_extras = R"(views:
  note_sizes: { group: tenants, key: [tenant, id] }
functions:
  lines_of: { by: [tenant_of, note_of], group: tenants }
)";
const std::string reference_map =
    "tables:\n  notes: { reference: true }\n  lines: { reference: true }\n  log: { reference: true }\n";
const std::string reference_extras =
    "views:\n  note_sizes: { reference: true }\nfunctions:\n  lines_of: any\n";

/// A router over the tables: sharded by both columns, or on one shard, which answers as one PostgreSQL.
class CompositeSite {
 public:
  static CompositeSite& shards() {
    static CompositeSite site(3, sharded_map, sharded_extras, "n.shardplex_slot, ");
    return site;
  }
  static CompositeSite& one() {
    static CompositeSite site(1, reference_map, reference_extras, "");
    return site;
  }

  HttpResponse request(std::string_view method, const std::string& target, std::string_view body = {}) const {
    return HttpClient(router_->port())
        .request(method, target, {{"Content-Type", "application/json"}, {"Prefer", "return=representation"}},
                 body);
  }
  const Cluster& cluster() const { return cluster_; }

 private:
  CompositeSite(int shard_count, const std::string& tables, const std::string& extras,
                const std::string& slot)
      : cluster_({.shards = shard_count, .replicas = 0}) {
    cluster_.use_map(tables);
    cluster_.run_everywhere(notes_sql);
    cluster_.initialise();
    cluster_.run_everywhere(view_sql(slot));
    std::ofstream(cluster_.map_file(), std::ios::app) << extras;
    router_.emplace(cluster_.map_file());
  }

  Cluster cluster_;
  std::optional<Router> router_;
};

void check_same(std::string_view method, const std::string& target, std::string_view body = {}) {
  INFO(std::string(method), ' ', target, ' ', std::string(body));
  const auto expected = CompositeSite::one().request(method, target, body),
             got = CompositeSite::shards().request(method, target, body);
  INFO("one shard: ", expected.status, ' ', expected.body, "\nshards:    ", got.status, ' ', got.body);
  CHECK(got.status == expected.status);
  if (expected.status < 400)
    CHECK(got.body == expected.body);
  else
    CHECK(got.error_code() == expected.error_code());
}

void check_refused(const HttpResponse& answer) {
  INFO(answer.body);
  CHECK(answer.status == 400);
  CHECK(answer.error_code() == "SHARD400");
}

const std::vector<std::string> tenants{"acme", "b c", "\u00e4", ""};

/// One request for each of the rows, since a request writes on one shard.
void post_each(const CompositeSite& site, const std::string& table, const std::string& rows) {
  const auto all = boost::json::parse('[' + rows + ']');
  for (const auto& row : all.as_array()) {
    const auto answer = site.request("POST", table, boost::json::serialize(row));
    REQUIRE_MESSAGE(answer.status == 201, answer.body);
  }
}

/// The same rows on both: notes 1 to 12 of each tenant, and up to two lines of each.
void fill() {
  std::string notes, lines;
  for (const auto& tenant : tenants)
    for (int id = 1; id <= 12; ++id) {
      const std::string key = R"({"tenant":")" + tenant + "\",";
      notes += (notes.empty() ? "" : ",") + key + "\"id\":" + std::to_string(id) + R"(,"title":"note )" +
               std::to_string(id % 5) + R"(","stars":)" + std::to_string(id % 3) + '}';
      for (int number = 1; number <= id % 3; ++number)
        lines += (lines.empty() ? "" : ",") + key + "\"note\":" + std::to_string(id) +
                 ",\"number\":" + std::to_string(number) + R"(,"words":"w)" + std::to_string(id * number) +
                 "\"}";
    }
  for (const auto* site : {&CompositeSite::shards(), &CompositeSite::one()}) {
    site->cluster().run_everywhere("DELETE FROM notes; DELETE FROM log");
    post_each(*site, "/notes", notes);
    post_each(*site, "/lines", lines);
  }
}

/// The slot that the row has, wherever it is.
std::int64_t stored_slot(const std::string& condition) {
  std::int64_t slot = -1;
  const auto& cluster = CompositeSite::shards().cluster();
  for (const auto& shard : cluster.shards())
    slot =
        std::max(slot, Database(cluster.conninfo(shard))
                           .number("SELECT coalesce(max(shardplex_slot), -1) FROM notes WHERE " + condition));
  return slot;
}

Finished verify() {
  return run_shardplex({"verify", "--map", CompositeSite::shards().cluster().map_file()});
}

void check_verified() {
  const auto verified = verify();
  INFO(verified.output, verified.errors);
  CHECK(verified.status == 0);
}

}  // namespace

TEST_CASE("rows are found by keys of two columns as one PostgreSQL finds them") {
  fill();
  for (const std::string target :
       {"/notes?tenant=eq.acme&id=eq.3",
        "/notes?tenant=eq.&id=eq.3",
        "/notes?tenant=eq.acme&id=eq.%20007",
        "/notes?tenant=eq.acme&id=eq.99",
        "/notes?tenant=eq.acme&order=id",
        "/notes?id=eq.3&order=tenant",
        "/notes?tenant=in.(acme,%22b%20c%22,none)&id=in.(1,2,99)&order=id,tenant",
        "/notes?tenant=eq.acme&or=(id.eq.1,id.eq.2)&order=id",
        "/notes?or=(and(tenant.eq.acme,id.eq.1),and(tenant.eq.%C3%A4,id.eq.2))&order=tenant,id",
        "/notes?tenant=eq.acme&tenant=eq.none&id=eq.1",
        "/notes?tenant=eq.acme&not.and=(id.gt.2,id.lt.8)&order=id",
        "/notes?tenant=eq.acme&id=not.eq.3&order=id",
        "/notes?order=stars.desc,tenant,id&limit=7&offset=3",
        "/notes?select=tenant,count(),stars.sum()&order=tenant",
        "/notes?select=id,tenant,count()&order=tenant,id",
        "/notes?tenant=eq.acme&id=in.(1,2)&select=count(),stars.avg()",
        "/notes?select=tenant,id,lines(number,words)&order=tenant,id",
        "/notes?tenant=eq.acme&id=eq.5&select=title,lines(words)",
        "/lines?select=words,notes(title,stars)&order=tenant,note,number",
        "/lines?select=tenant,note,count()&order=tenant,note",
        "/notes?select=tenant,id,lines!inner(words)&lines.number=eq.2&order=tenant,id",
        "/note_sizes?order=tenant,id",
        "/note_sizes?tenant=eq.acme&id=eq.2",
        "/note_sizes?select=size,count()&order=size",
        "/rpc/lines_of?tenant_of=acme&note_of=5",
        "/rpc/lines_of?tenant_of=%C3%A4&note_of=2&select=words",
        "/rpc/lines_of?tenant_of=acme&note_of=99",
        "/notes/3",
        "/notes?tenant=eq.acme&id=eq.x",
        "/notes?tenant=eq.acme&id=in.(1,x)"})
    check_same("GET", target);
}

TEST_CASE("rows are written by keys of two columns as one PostgreSQL writes them") {
  fill();
  for (const auto* body :
       {R"({"tenant":"acme","id":100,"title":"new"})", R"({"tenant":"acme","id":100,"title":"again"})",
        R"({"tenant":"acme","title":"x"})", R"({"id":100})", R"({"tenant":null,"id":101})",
        R"({"tenant":"acme","id":null})", R"({"tenant":"acme","id":"five"})",
        R"({"tenant":"b","id":" 0100"})", R"({"tenant":"acme","id":9223372036854775808})"})
    check_same("POST", "/notes", body);
  check_same("POST", "/lines", R"({"tenant":"acme","note":100,"number":1,"words":"x"})");
  check_same("POST", "/lines", R"({"tenant":"acme","note":999,"number":1,"words":"of no note"})");
  const std::string one_note = "/notes?tenant=eq.acme&id=eq.100";
  check_same("PATCH", one_note, R"({"title":"changed"})");
  check_same("PATCH", one_note, R"({"tenant":"acme","id":100,"title":"the same key"})");
  check_same("PATCH", one_note, R"({"id":"0100","stars":5})");
  check_same("PATCH", "/lines?tenant=eq.acme&note=eq.100", R"({"number":7})");
  check_same("PUT", one_note, R"({"tenant":"acme","id":100,"title":"put"})");
  check_same("PUT", "/notes?id=eq.102&tenant=eq.acme", R"({"tenant":"acme","id":102,"title":"put anew"})");
  check_same("PUT", one_note, R"({"tenant":"b","id":100})");
  check_same("PUT", "/notes?id=eq.100", R"({"tenant":"acme","id":100})");
  check_same("DELETE", "/notes?tenant=eq.acme&id=eq.5");
  check_same("DELETE", "/notes?tenant=eq.acme&id=eq.999");
  for (const std::string table : {"/notes?order=tenant,id", "/lines?order=tenant,note,number"})
    check_same("GET", table);
  check_verified();
}

TEST_CASE("a key of two columns does not change, in none of them") {
  fill();
  const auto& site = CompositeSite::shards();
  for (const auto* body : {R"({"tenant":"b"})", R"({"id":200})", R"({"tenant":"acme","id":200})"})
    check_refused(site.request("PATCH", "/notes?tenant=eq.acme&id=eq.1", body));
  check_same("GET", "/notes?order=tenant,id");
}

TEST_CASE("rows that random filters on both columns choose are those of one PostgreSQL") {
  fill();
  std::mt19937 random(20271);
  const auto below = [&](unsigned bound) { return static_cast<unsigned>(random() % bound); };
  const auto condition = [&](const std::string& separator) {
    const bool tenant = below(2) == 0;
    const auto value = [&] {
      return tenant ? percent_encode('"' + tenants[below(4)] + '"') : std::to_string(1 + below(13));
    };
    std::string text =
        (tenant ? "tenant" : "id") + separator + (below(5) == 0 ? "not." : "") + "in.(" + value();
    for (unsigned more = below(3); more > 0; --more) text += ',' + value();
    return text + ')';
  };
  for (int i = 0; i < 80; ++i) {
    std::string target = "/notes?order=tenant,id";
    for (unsigned count = 1 + below(3); count > 0; --count) {
      if (below(3) > 0) {
        target += '&' + condition("=");
        continue;
      }
      target += std::string("&") + (below(2) == 0 ? "or=(" : "and=(") + condition(".") + ',' +
                (below(2) == 0 ? "and(" + condition(".") + ',' + condition(".") + ')' : condition(".")) + ')';
    }
    check_same("GET", target);
  }
}

TEST_CASE("triggers write rows beside those of a key of two columns, and nowhere else") {
  fill();
  const auto& site = CompositeSite::shards();
  const auto log_as = [&](const std::string& tenant, const std::string& note) {
    site.cluster().run_everywhere(
        "CREATE OR REPLACE FUNCTION write_log() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "INSERT INTO log (what, of_tenant, of_note, shardplex_slot) VALUES ('new', " +
        tenant + ", " + note + ", NEW.shardplex_slot); RETURN NULL; END $$");
  };
  log_as("NEW.tenant", "NEW.id");
  site.cluster().run_everywhere(
      "CREATE TRIGGER logs AFTER INSERT ON notes FOR EACH ROW EXECUTE FUNCTION write_log()");
  // Now that somebody has triggers it is looked at what they insert.
  site.cluster().initialise();
  for (int id = 300; id < 310; ++id) {
    const std::string body = R"({"tenant":"acme","id":)" + std::to_string(id) + "}";
    CHECK(site.request("POST", "/notes", body).status == 201);
    CHECK(site.request("GET", "/log?of_tenant=eq.acme&select=what&of_note=eq." + std::to_string(id)).body ==
          R"([{"what":"new"}])");
  }
  log_as("NEW.tenant", "NEW.id + 1000");
  check_refused(site.request("POST", "/notes", R"({"tenant":"acme","id":400})"));
  log_as("NEW.tenant || 'x'", "NEW.id");
  check_refused(site.request("POST", "/notes", R"({"tenant":"acme","id":400})"));
  CHECK(site.request("GET", "/notes?tenant=eq.acme&id=eq.400").body == "[]");
  CHECK(site.request("GET", "/log?select=count()").body == R"([{"count":10}])");
  site.cluster().run_everywhere("DROP TRIGGER logs ON notes");
  check_verified();
}

TEST_CASE("verify finds a row that is in another slot than its two columns say") {
  fill();
  const auto& cluster = CompositeSite::shards().cluster();
  const std::string one_note = "tenant = 'acme' AND id = 4";
  const auto right = stored_slot(one_note);
  REQUIRE(right >= 0);
  // Of the same shard, as far as the map goes: its neighbour.
  const auto wrong = right == 340 || right == 681 || right == 1023 ? right - 1 : right + 1;
  cluster.run_everywhere("UPDATE notes SET shardplex_slot = " + std::to_string(wrong) + " WHERE " + one_note);
  const auto found = verify();
  INFO(found.output, found.errors);
  CHECK(found.status != 0);
  CHECK((found.output + found.errors)
            .find("notes tenant=acme, id=4 is in slot " + std::to_string(wrong) +
                  "; its key belongs in slot " + std::to_string(right)) != std::string::npos);
  cluster.run_everywhere("UPDATE notes SET shardplex_slot = " + std::to_string(right) + " WHERE " + one_note);
  check_verified();
}

TEST_CASE("route tells the slot that rows are stored in") {
  fill();
  const auto& map = CompositeSite::shards().cluster().map_file();
  const auto routed = run_shardplex(
      {"route", "--map", map, "notes", "tenant=acme", "id=7", "--key-type", "text,integer", "--json"});
  INFO(routed.output, routed.errors);
  REQUIRE(routed.status == 0);
  CHECK(boost::json::parse(routed.output).at("slots").at(0).at("slot").as_int64() ==
        stored_slot("tenant = 'acme' AND id = 7"));
}

TEST_CASE("load, moves and verify know keys of two columns") {
  fill();
  const TemporaryFolder folder;
  std::string rows;
  for (int id = 1000; id < 1200; ++id)
    rows += R"({"tenant":"loaded","id":)" + std::to_string(id) + R"(,"title":"l"})" + "\n";
  const auto file = folder.write("rows.ndjson", rows);
  for (const auto* site : {&CompositeSite::shards(), &CompositeSite::one()}) {
    const auto loaded =
        run_shardplex({"load", "--map", site->cluster().map_file(), "--table", "notes", file});
    INFO(loaded.output, loaded.errors);
    REQUIRE(loaded.status == 0);
  }
  check_same("GET", "/notes?tenant=eq.loaded&order=id");
  check_same("GET", "/notes?tenant=eq.loaded&id=in.(1000,1100,1199)&order=id");
  const auto again = folder.write("again.ndjson", R"({"tenant":"loaded","id":1100,"title":"anew"})"
                                                  "\n"
                                                  R"({"tenant":"loaded","id":1200,"title":"new"})"
                                                  "\n");
  for (const auto* site : {&CompositeSite::shards(), &CompositeSite::one()}) {
    const auto merged =
        run_shardplex({"load", "--map", site->cluster().map_file(), "--table", "notes", "--upsert", again});
    INFO(merged.output, merged.errors);
    REQUIRE(merged.status == 0);
  }
  check_same("GET", "/notes?tenant=eq.loaded&order=id");
  check_same("GET", "/notes?tenant=eq.loaded&id=in.(1100,1200)&order=id");
  for (const auto* row : {R"({"tenant":"loaded"})", R"({"id":5})", R"({"tenant":null,"id":5})"}) {
    const auto bad = folder.write("bad.ndjson", std::string(row) + "\n");
    const auto refused = run_shardplex(
        {"load", "--map", CompositeSite::shards().cluster().map_file(), "--table", "notes", bad});
    INFO(refused.output, refused.errors);
    CHECK(refused.status != 0);
    CHECK((refused.output + refused.errors).find("is of the shard key and has to be given") !=
          std::string::npos);
  }
  const auto plan = folder.write("plan.yaml",
                                 "version: 1\ncluster: movies\nmoves:\n"
                                 "  - {group: tenants, slots: [341-500], from: beta, to: alpha}\n"
                                 "  - {group: tenants, slots: [501-681], from: beta, to: gamma}\n");
  const auto moved = run_shardplex(
      {"rebalance", "run", "--map", CompositeSite::shards().cluster().map_file(), plan, "--finish"});
  INFO(moved.output, moved.errors);
  REQUIRE(moved.status == 0);
  check_same("GET", "/notes?order=tenant,id");
  check_same("GET", "/notes?select=tenant,id,lines(words)&order=tenant,id");
  check_same("GET", "/notes?tenant=eq.loaded&id=eq.1100");
  check_verified();
}

TEST_CASE("a hot slot is told with all columns of the keys that it holds") {
  fill();
  const auto& map = CompositeSite::shards().cluster().map_file();
  const Router router(map);  // which has counted nothing yet
  HttpClient client(router.port());
  for (int i = 0; i < 600; ++i) REQUIRE(client.get("/notes?tenant=eq.acme&id=eq.3").status == 200);
  const auto told = run_shardplex({"advise", "--map", map, "--min-days", "0", "--min-calls", "50", "--json",
                                   "--router", "http://127.0.0.1:" + std::to_string(router.admin_port())});
  INFO(told.output, told.errors);
  REQUIRE(told.status == 0);
  CHECK(told.output.find("notes acme, 3 (") != std::string::npos);
}

TEST_CASE("a map whose key has other columns, or in another order, is refused") {
  const auto& cluster = CompositeSite::shards().cluster();
  const TemporaryFolder folder;
  for (const std::string key : {"[id, tenant]", "[tenant, title]"}) {
    std::ifstream in(cluster.map_file());
    std::string text(std::istreambuf_iterator<char>(in), {});
    const std::string before = "key: [tenant, id] }\n  lines";
    const auto at = text.find(before);
    REQUIRE(at != std::string::npos);
    text.replace(at, before.size(), "key: " + key + " }\n  lines");
    const auto init = run_shardplex({"cluster", "init", "--map", folder.write("map.yaml", text)});
    INFO(init.output, init.errors);
    CHECK(init.status != 0);
    CHECK(init.errors.find(R"(table notes was made with group="tenants" key="tenant","id"; the map has )") !=
          std::string::npos);
  }
}

}  // namespace shardplex::integration
