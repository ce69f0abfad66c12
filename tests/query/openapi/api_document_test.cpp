#include "query/openapi/api_document.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "query/openapi/document_parts.hpp"
#include "query/openapi/openapi_3.hpp"
#include "tests/query/fixtures.hpp"

using namespace shardplex;
using namespace shardplex::fixtures;

namespace {

namespace json = boost::json;

Catalogue catalogue_of_all() {
  Catalogue catalogue;
  for (auto table : {movies(), ratings(), genres()}) catalogue.tables[table.name] = table;
  auto& films = catalogue.tables.at("movies");
  films.comment = "Films\n\nOf all times.";
  films.columns[1].comment = "As on the poster.";
  films.foreign_keys.push_back({"of_genre", {"primary_genre"}, "genres", {"name"}});
  catalogue.tables.at("ratings").foreign_keys = {
      {"of_movie", {"movie_id", std::string(slot_column)}, "movies", {"id", std::string(slot_column)}},
      {"elsewhere", {"user_id"}, "users", {"id"}}};
  return catalogue;
}

json::value document(ApiDialect dialect, const ShardMap& map = hash_map(),
                     const Catalogue& catalogue = catalogue_of_all()) {
  return json::parse(api_document(map, catalogue, dialect, "1.2"));
}

/// Every $ref inside.
void collect_references(const json::value& value, std::set<std::string>& found) {
  if (const auto* object = value.if_object())
    for (const auto& [name, member] : *object) {
      if (name == "$ref") found.insert(std::string(member.as_string()));
      collect_references(member, found);
    }
  if (const auto* array = value.if_array())
    for (const auto& item : *array) collect_references(item, found);
}

/// The names of the parameters that an operation of a document has, references followed.
std::vector<std::string> parameters_of(const json::value& document, const json::value& operation) {
  std::vector<std::string> names;
  for (const auto& parameter : operation.at("parameters").as_array()) {
    const auto* reference = parameter.as_object().if_contains("$ref");
    const auto& meant =
        reference ? document.at_pointer(std::string(reference->as_string()).substr(1)) : parameter;
    names.emplace_back(meant.at("name").as_string());
  }
  return names;
}

std::set<std::string> members_of(const json::value& object) {
  std::set<std::string> names;
  for (const auto& member : object.as_object()) names.emplace(member.key());
  return names;
}

using Names = std::set<std::string>;

Table odd_table() {
  Table t;
  t.name = "a/b {c}~é";
  t.columns = {not_null(column("order", "integer", "int4")), column("x.y\"z", "text", "text")};
  t.primary_key = {"order"};
  return t;
}

ShardMap map_of(const std::string& reference_table, std::vector<Shard> shards) {
  return ShardMap("odd", std::move(shards), {}, {{reference_table, true, std::nullopt, ""}}, {});
}

}  // namespace

TEST_CASE("each served table has a path, and one for its rows where its key is one column") {
  const auto three = document(ApiDialect::openapi_3);
  CHECK(three.at("openapi").as_string() == "3.1.0");
  CHECK(three.at_pointer("/info/title").as_string() == "movies");
  CHECK(three.at_pointer("/info/version").as_string() == "1.2");
  CHECK(members_of(three.at("paths")) ==
        Names{"/movies", "/movies/{key}", "/ratings", "/genres", "/genres/{key}"});
  CHECK(members_of(three.at("paths").at("/movies")) == Names{"get", "head", "post", "patch", "delete"});
  CHECK(members_of(three.at("paths").at("/movies/{key}")) ==
        Names{"parameters", "get", "head", "put", "patch", "delete"});
  // The copies of a reference table are not written over HTTP where there are several.
  CHECK(members_of(three.at("paths").at("/genres")) == Names{"get", "head"});
  const auto two = document(ApiDialect::openapi_2);
  CHECK(two.at("swagger").as_string() == "2.0");
  CHECK(members_of(two.at("paths")) == Names{"/", "/movies", "/ratings", "/genres"});
  CHECK(members_of(two.at("paths").at("/movies")) == Names{"get", "post", "patch", "delete"});
}

TEST_CASE("a view can be read only") {
  auto catalogue = catalogue_of_all();
  catalogue.tables["films"] = movies();
  auto& view = catalogue.tables.at("films");
  view.name = "films";
  view.kind = TableKind::view;
  view.primary_key.clear();
  const auto tables = hash_map();
  const ShardMap map(tables.cluster(), tables.shards(), tables.groups(), tables.tables(), tables.relations(),
                     {{"films", false, GroupId{0}, "id"}});
  for (const auto dialect : {ApiDialect::openapi_2, ApiDialect::openapi_3}) {
    const auto all = document(dialect, map, catalogue);
    const bool three = dialect == ApiDialect::openapi_3;
    CHECK(members_of(all.at("paths").at("/films")) == (three ? Names{"get", "head"} : Names{"get"}));
  }
  // One that is written through has the methods of that, and any tells the keys that it shows.
  view.written = WrittenTable{"public", "movies", "id", {"id"}};
  view.shown_primary_key = {"id"};
  view.shown_keys = {{{"film_genre", {"primary_genre"}, "genres", {"name"}}, false, false, false}};
  for (const auto dialect : {ApiDialect::openapi_2, ApiDialect::openapi_3}) {
    const auto all = document(dialect, map, catalogue);
    const bool three = dialect == ApiDialect::openapi_3;
    Names methods{"get", "post", "patch", "delete"};
    if (three) methods.insert("head");
    CHECK(members_of(all.at("paths").at("/films")) == methods);
    const auto& columns = three ? all.at_pointer("/components/schemas/films/properties")
                                : all.at_pointer("/definitions/films/properties");
    CHECK(columns.at("id").at("description").as_string().find("<pk/>") != json::string::npos);
    CHECK(columns.at("primary_genre")
              .at("description")
              .as_string()
              .find("<fk table='genres' column='name'/>") != json::string::npos);
  }
}

TEST_CASE("tables and columns that are not served are in no document") {
  auto catalogue = catalogue_of_all();
  catalogue.tables.erase("ratings");
  catalogue.refused["ratings"] = "ratings: there is no primary key";
  catalogue.tables.at("movies").columns[2].conflict = "it is text on beta";
  catalogue.tables.at("movies").columns[3].representations.unsafe = "public.shown";
  for (const auto dialect : {ApiDialect::openapi_2, ApiDialect::openapi_3}) {
    const auto text = api_document(hash_map(), catalogue, dialect, "1");
    for (const auto* absent : {"/ratings", "\"genre\"", "primary_genre", "shardplex_slot"})
      CHECK_MESSAGE(text.find(absent) == std::string::npos, std::string(absent));
  }
}

TEST_CASE("every reference of a document leads somewhere, whatever tables and columns are called") {
  for (const auto dialect : {ApiDialect::openapi_2, ApiDialect::openapi_3})
    for (const bool odd : {false, true}) {
      CAPTURE(odd);
      Catalogue catalogue = catalogue_of_all();
      if (odd) catalogue.tables = {{odd_table().name, odd_table()}};
      const auto all = odd ? document(dialect, map_of(odd_table().name, {{"alpha", "host=a", {}}}), catalogue)
                           : document(dialect);
      std::set<std::string> references;
      collect_references(all, references);
      CHECK(references.size() > 5);
      for (auto reference : references) {
        CAPTURE(reference);
        REQUIRE(reference.starts_with("#/"));
        std::string pointer;
        for (std::size_t i = 1; i < reference.size(); ++i) {
          if (reference[i] != '%') {
            pointer += reference[i];
            continue;
          }
          pointer += static_cast<char>(std::stoi(reference.substr(i + 1, 2), nullptr, 16));
          i += 2;
        }
        boost::system::error_code ec;
        const auto* found = all.find_pointer(pointer, ec);
        CHECK(found != nullptr);
      }
    }
}

TEST_CASE("names that a URL or a document would take for something else are written otherwise") {
  CHECK(openapi::filter_name("imdb_score") == "imdb_score");
  CHECK(openapi::filter_name("99popularity") == "99popularity");
  CHECK(openapi::filter_name("order") == "\"order\"");
  CHECK(openapi::filter_name("a.b") == "\"a.b\"");
  CHECK(openapi::filter_name("a\"b\\c") == "\"a\\\"b\\\\c\"");
  CHECK(openapi::path_segment("a/b {c}~é") == "a%2Fb%20%7Bc%7D~%C3%A9");
  CHECK(openapi::component_name("movies_2") == "movies_2");
  CHECK(openapi::component_name("a.b-c") == "a.2Eb.2Dc");
  CHECK(openapi::component_name("é") == ".C3.A9");
  Catalogue catalogue;
  catalogue.tables = {{odd_table().name, odd_table()}};
  const auto three =
      document(ApiDialect::openapi_3, map_of(odd_table().name, {{"alpha", "host=a", {}}}), catalogue);
  CHECK(members_of(three.at("paths")) == Names{"/a%2Fb%20%7Bc%7D~%C3%A9", "/a%2Fb%20%7Bc%7D~%C3%A9/{key}"});
}

TEST_CASE("reads take filters of every column, and what pages and orders rows; changes take filters") {
  for (const auto dialect : {ApiDialect::openapi_2, ApiDialect::openapi_3}) {
    const auto all = document(dialect);
    const auto& path = all.at("paths").at("/ratings");
    const std::vector<std::string> read{"movie_id", "user_id", "score",  "select",
                                        "order",    "limit",   "offset", "and",
                                        "or",       "Range",   "Prefer", "Shardplex-Consistency"};
    CHECK(parameters_of(all, path.at("get")) == read);
    CHECK(parameters_of(all, path.at("delete")) ==
          std::vector<std::string>{"movie_id", "user_id", "score", "select", "and", "or", "Prefer"});
  }
}

TEST_CASE("comments describe tables and columns, and keys are marked as PostgREST marks them") {
  const auto two = document(ApiDialect::openapi_2);
  const auto& film = two.at("definitions").at("movies");
  CHECK(film.at("description").as_string() == "Films\n\nOf all times.");
  const auto& get = two.at("paths").at("/movies").at("get");
  CHECK(get.at("summary").as_string() == "Films");
  CHECK(get.at("description").as_string() == "Of all times.");
  const auto& columns = film.at("properties");
  CHECK(columns.at("name").at("description").as_string() == "As on the poster.");
  CHECK(columns.at("id").at("description").as_string().find("<pk/>") != json::string::npos);
  CHECK(columns.at("primary_genre").at("description").as_string() ==
        "Foreign key to `genres.name`.<fk table='genres' column='name'/>");
  const auto& rating = two.at("definitions").at("ratings").at("properties");
  // The slot column is no part of a key, and a table that is not served is nowhere to be found.
  CHECK(rating.at("movie_id").at("description").as_string().find("<fk table='movies' column='id'/>") !=
        json::string::npos);
  CHECK(rating.at("user_id").at("description").as_string().find("<fk") == json::string::npos);
  CHECK(columns.at("imdb_score").at("format").as_string() == "numeric(3,1)");
  CHECK(columns.at("genre") ==
        json::value{{"type", "array"}, {"items", {{"type", "string"}}}, {"format", "text[]"}});
  const auto three = document(ApiDialect::openapi_3);
  CHECK(three.at_pointer("/components/schemas/movies/properties/name/description").as_string() ==
        "As on the poster.");
}

TEST_CASE("a relation of the map is told like a foreign key, and once where there is both") {
  auto map = ShardMap("movies", three_shards(), {{"catalog", 1024, HashStrategy{}, thirds(1024)}},
                      {{"movies", false, GroupId{0}, "id"}, {"genres", true, std::nullopt, ""}},
                      {{"declared", "movies", {"primary_genre"}, "genres", {"name"}}});
  auto catalogue = catalogue_of_all();
  catalogue.tables.erase("ratings");
  const auto described = [&] {
    return std::string(document(ApiDialect::openapi_2, map, catalogue)
                           .at_pointer("/definitions/movies/properties/primary_genre/description")
                           .as_string());
  };
  const auto both = described();
  catalogue.tables.at("movies").foreign_keys.clear();
  CHECK(described() == both);
  CHECK(both.find("<fk") == both.rfind("<fk"));
}

TEST_CASE("a POST has to have what neither PostgreSQL nor the router gives") {
  struct Case {
    const char* name;
    ShardMap map;
    void (*change)(Table& movies);
    std::vector<std::string> required;
    bool key_read_only;
  };
  const auto nothing = [](Table&) {};
  const Case cases[] = {
      {"hash, a key that the router gives", hash_map(), nothing, {"name"}, false},
      {"hash, an integer that it does not",
       hash_map(),
       [](Table& t) { t.columns[0] = not_null(column("id", "integer", "int4")); },
       {"id", "name"},
       false},
      {"hash, an integer with a sequence",
       hash_map(),
       [](Table& t) { t.columns[0] = with_default(not_null(column("id", "integer", "int4"))); },
       {"name"},
       false},
      {"hash, a part of the key",
       hash_map(),
       [](Table& t) {
         t.primary_key = {"id", "name"};
         t.columns[0] = with_default(t.columns[0]);
       },
       {"id", "name"},
       false},
      {"list, whose key the router alone gives", list_map(), nothing, {"name"}, true},
      {"list, a list column with a default",
       list_map(),
       [](Table& t) { t.columns[3] = with_default(t.columns[3]); },
       {"name", "primary_genre"},
       true},
  };
  for (const auto& [name, map, change, required, key_read_only] : cases) {
    CAPTURE(name);
    Catalogue catalogue;
    catalogue.tables["movies"] = movies();
    change(catalogue.tables.at("movies"));
    const auto three = document(ApiDialect::openapi_3, map, catalogue);
    const auto& body = three.at("paths").at("/movies").at("post").at_pointer(
        "/requestBody/content/application~1json/schema/oneOf/0");
    CHECK(json::value_to<std::vector<std::string>>(body.at_pointer("/allOf/1/required")) == required);
    const auto& key = three.at_pointer("/components/schemas/movies/properties/id").as_object();
    CHECK(key.contains("readOnly") == key_read_only);
    const auto two = document(ApiDialect::openapi_2, map, catalogue);
    CHECK(json::value_to<std::vector<std::string>>(two.at_pointer("/definitions/movies/required")) ==
          required);
  }
}

TEST_CASE("what PostgreSQL computes is read only") {
  Catalogue catalogue;
  catalogue.tables["movies"] = movies();
  auto& votes = catalogue.tables.at("movies").columns.back();
  votes.generated = votes.not_null = true;
  const auto three = document(ApiDialect::openapi_3, hash_map(), catalogue);
  CHECK(three.at_pointer("/components/schemas/movies/properties/votes/readOnly").as_bool());
}
