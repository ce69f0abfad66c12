// The documents that a router makes of what its shards have, held to OpenAPI by a validator that is not ours.
#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <string>

#include "tests/integration/cluster.hpp"
#include "tests/integration/insight.hpp"

namespace shardplex::integration {
namespace {

namespace json = boost::json;

/// An npm package that checks documents against OpenAPI's own schemas of 2.0, 3.0 and 3.1.
class Validator {
 public:
  Validator() {
    const auto installed = run({"npm", "install", "--prefix", folder_.path(), "--no-audit", "--no-fund",
                                "--silent", "@seriousme/openapi-schema-validator@2.11.0"});
    INFO(installed.output, installed.errors);
    REQUIRE_MESSAGE(
        installed.status == 0,
        "the validator of OpenAPI documents could not be installed: npm, and a registry, are needed");
  }

  /// What it has to say against the document; "" where that is OpenAPI.
  std::string complaint(const std::string& document) const {
    const auto checked =
        run({folder_.path() + "/node_modules/.bin/validate-api", folder_.write("api.json", document)});
    return checked.status == 0 ? "" : checked.output + checked.errors;
  }

 private:
  TemporaryFolder folder_;
};

const Validator& validator() {
  static const Validator shared;
  return shared;
}

json::value document_of(std::uint16_t port, const std::string& path) {
  const auto answer = HttpClient(port).get(path);
  INFO(answer.body);
  REQUIRE(answer.status == 200);
  CHECK(answer.header("Content-Type") == "application/openapi+json; charset=utf-8");
  return json::parse(answer.body);
}

}  // namespace

TEST_CASE("both documents are OpenAPI") {
  HttpClient client(insight_router().port());
  const auto two = client.get("/").body, three = client.get("/openapi.json").body;
  CHECK(validator().complaint(two) == "");
  CHECK(validator().complaint(three) == "");
  CHECK(json::parse(two).at("swagger").as_string() == "2.0");
  CHECK(json::parse(three).at("openapi").as_string() == "3.1.0");
  CHECK(validator().complaint(R"({"openapi":"3.1.0","info":{"title":"without a version"},"paths":{}})") !=
        "");
}

TEST_CASE("HEAD, OPTIONS and what the client accepts are as of any resource") {
  HttpClient client(insight_router().port());
  for (const auto* path : {"/", "/openapi.json"}) {
    const auto head = client.request("HEAD", path);
    CHECK(head.status == 200);
    CHECK(head.body.empty());
    CHECK(client.request("OPTIONS", path).header("Allow") == "OPTIONS,GET,HEAD");
    CHECK(client.get(path, {{"Accept", "text/csv"}}).error_code() == "PGRST107");
    CHECK_FALSE(client.get(path).header("Shardplex-Shards"));
  }
}

TEST_CASE("types, comments and keys of the shards are in the documents, and the slot column is not") {
  const auto three = document_of(insight_router().port(), "/openapi.json");
  const auto& film = three.at_pointer("/components/schemas/movies/properties");
  CHECK(film.at("id").at("format").as_string() == "int64");
  CHECK(film.at("genre").at("type").as_string() == "array");
  CHECK(film.at("rated") ==
        json::parse(R"({"type":["string","null"],"enum":["G","PG",null],"x-postgresql-type":"rating",
                                            "description":"Who may see it"})"));
  CHECK(film.at("code").at("maxLength").as_int64() == 8);
  CHECK(film.at("length").at("readOnly").as_bool());
  CHECK_FALSE(film.as_object().contains("shardplex_slot"));
  CHECK(film.at("release_date").at("format").as_string() == "date");
  // The comment of the first shard, which is no difference between them.
  CHECK(three.at_pointer("/components/schemas/movies/description").as_string() == "Films\n\nOf all times.");
  CHECK(insight_router().admin("/map").body.find("differing") == std::string::npos);
  const auto two = document_of(insight_router().port(), "/");
  CHECK(two.at_pointer("/definitions/ratings/required") == json::value{"movie_id", "user_id", "score"});
  CHECK(std::string(two.at_pointer("/definitions/movies/properties/id/description").as_string())
            .find("<pk/>") != std::string::npos);
}

TEST_CASE("a row that is read has the members and the JSON types that the document says") {
  HttpClient client(insight_router().port());
  const auto row = json::parse(client.get("/movies/1").body).as_object();
  const auto three = document_of(insight_router().port(), "/openapi.json");
  const auto& film = three.at_pointer("/components/schemas/movies/properties").as_object();
  CHECK(row.size() == film.size());
  for (const auto& [name, value] : row) {
    CAPTURE(std::string(name));
    REQUIRE(film.contains(name));
    const auto& type = film.at(name).at("type");
    const std::string is = value.is_null()     ? "null"
                           : value.is_string() ? "string"
                           : value.is_array()  ? "array"
                           : value.is_double() ? "number"
                                               : "integer";
    const auto allowed = json::serialize(type);
    const bool fits = allowed.find('"' + is + '"') != std::string::npos ||
                      (is == "integer" && allowed.find("\"number\"") != std::string::npos);
    CHECK_MESSAGE(fits, allowed);
  }
}

TEST_CASE("a comment that changes is in the documents soon, and so is a column") {
  insight_cluster().run_everywhere(
      "COMMENT ON TABLE genres IS 'Kinds of films'; ALTER TABLE genres ADD COLUMN mood text");
  HttpClient client(insight_router().port());
  wait_until("the documents follow the tables", [&] {
    const auto three = client.get("/openapi.json").body;
    return three.find("Kinds of films") != std::string::npos && three.find("\"mood\"") != std::string::npos;
  });
  CHECK(client.get("/").body.find("Kinds of films") != std::string::npos);
}

}  // namespace shardplex::integration
