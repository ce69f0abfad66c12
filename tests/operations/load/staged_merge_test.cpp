#include "operations/load/staged_merge.hpp"

#include <doctest/doctest.h>

using namespace shardplex;
using namespace shardplex::operations;

namespace {

Column made_column(std::string name, std::string type, std::string type_name) {
  Column made;
  made.name = std::move(name);
  made.type = std::move(type);
  made.type_name = std::move(type_name);
  made.type_schema = "pg_catalog";
  return made;
}

Table ratings() {
  Table table;
  table.name = "ratings";
  table.columns = {made_column("movie_id", "bigint", "int8"), made_column("user_id", "bigint", "int8"),
                   made_column("score", "smallint", "int2"), made_column("total", "bigint", "int8")};
  table.columns[2].has_default = true;
  table.columns[3].generated = true;
  table.primary_key = {"movie_id", "user_id"};
  return table;
}

Row row_of(std::vector<std::optional<std::string>> values) {
  Row row(values.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    if (values[i]) row[i].set(*values[i]);
  return row;
}

std::string refused(LoadMode mode, const Table& table, const std::vector<std::string>& deciding) {
  return merge_refusal(mode, table, deciding).value_or("");
}

using Statements = std::vector<std::string>;

}  // namespace

TEST_CASE("rows are upserted where their primary key tells the shard, and replaced in reference tables") {
  CHECK(refused(LoadMode::insert, ratings(), {"movie_id"}).empty());
  CHECK(refused(LoadMode::upsert, ratings(), {"movie_id"}).empty());
  CHECK(refused(LoadMode::upsert, ratings(), {}).empty());
  CHECK(refused(LoadMode::replace, ratings(), {}).empty());
  CHECK(refused(LoadMode::replace, ratings(), {"movie_id"}) ==
        "--replace is for reference tables, and the rows of ratings are spread over the shards; --upsert "
        "replaces rows by their primary key");
  CHECK(refused(LoadMode::upsert, ratings(), {"movie_id", "score"}) ==
        "--upsert: the primary key (movie_id, user_id) of ratings is without score, which decides the shard, "
        "so a row with the same key could be on another shard; change such rows over HTTP (PATCH), and load "
        "new ones without --upsert");
}

TEST_CASE("a table without a primary key that can be given takes neither upserts nor replacements") {
  Table keyless = ratings();
  keyless.primary_key.clear();
  CHECK(refused(LoadMode::upsert, keyless, {"movie_id"})
            .find("--upsert tells rows apart by the primary key, "
                  "and ratings has none; add one") == 0);
  CHECK(refused(LoadMode::replace, keyless, {}).find("--replace tells rows apart by the primary key") == 0);
  Table generated = ratings();
  generated.primary_key = {"movie_id", "total"};
  CHECK(refused(LoadMode::upsert, generated, {"movie_id"}) ==
        "--upsert: the primary key (movie_id, total) of ratings has total, which is generated and cannot be "
        "given; load without the flag");
  generated.columns[3].identity_always = true;
  CHECK(refused(LoadMode::upsert, generated, {"movie_id"}).empty());
}

TEST_CASE("an upsert changes what a row gives, and neither its key nor its slot") {
  const Table table = ratings();
  const RowColumns columns(table);
  const StagedMerge merge(LoadMode::upsert, "ab", table, columns, true);
  const Omitted omitted = merge.omitted(row_of({"1", "2", "5", std::nullopt}));
  CHECK(omitted == Omitted{false, false, false, true});
  CHECK(merge.staging() == "load_ab");
  CHECK(merge.begin() ==
        Statements{R"(CREATE UNLOGGED TABLE "shardplex"."load_ab" AS SELECT "movie_id", "user_id", "score", )"
                   R"("shardplex_slot" FROM "public"."ratings" WITH NO DATA)",
                   R"(CREATE UNLOGGED TABLE "shardplex"."load_ab_keys" AS SELECT "movie_id", "user_id" FROM )"
                   R"("public"."ratings" WITH NO DATA)",
                   R"(ALTER TABLE "shardplex"."load_ab_keys" ADD PRIMARY KEY ("movie_id", "user_id"))"});
  CHECK(merge.copy(omitted) ==
        R"(COPY "shardplex"."load_ab" ("movie_id", "user_id", "score", "shardplex_slot") FROM STDIN)");
  CHECK(merge.after_copy(omitted) ==
        Statements{
            R"(INSERT INTO "shardplex"."load_ab_keys" ("movie_id", "user_id") SELECT "movie_id", "user_id" )"
            R"(FROM "shardplex"."load_ab")",
            R"(INSERT INTO "public"."ratings" ("movie_id", "user_id", "score", "shardplex_slot") OVERRIDING )"
            R"(SYSTEM VALUE SELECT "movie_id", "user_id", "score", "shardplex_slot" FROM )"
            R"("shardplex"."load_ab" ON CONFLICT ("movie_id", "user_id") DO UPDATE SET "score" = )"
            R"(EXCLUDED."score")",
            R"(TRUNCATE "shardplex"."load_ab")"});
  CHECK(merge.end() ==
        Statements{R"(DROP TABLE "shardplex"."load_ab")", R"(DROP TABLE "shardplex"."load_ab_keys")"});
}

TEST_CASE("an upsert leaves what a row does not give as it is, with or without a default") {
  const Table table = ratings();
  const RowColumns columns(table);
  const StagedMerge merge(LoadMode::upsert, "ab", table, columns, true);
  const Omitted omitted = merge.omitted(row_of({"1", "2", std::nullopt, std::nullopt}));
  CHECK(omitted == Omitted{false, false, true, true});
  CHECK(merge.after_copy(omitted)[1].ends_with(R"(ON CONFLICT ("movie_id", "user_id") DO NOTHING)"));
  Row with_null = row_of({"1", "2", std::nullopt, std::nullopt});
  with_null[2].state = Field::State::null;
  CHECK(merge.omitted(with_null) == Omitted{false, false, false, true});
}

TEST_CASE("a replacement deletes the rows that the input is without when it has all of it") {
  Table table = ratings();
  table.name = "catalog.ratings";
  const RowColumns columns(table);
  const StagedMerge merge(LoadMode::replace, "ab", table, columns, false);
  const Omitted omitted = merge.omitted(row_of({"1", "2", std::nullopt, std::nullopt}));
  CHECK(omitted == Omitted{false, false, true, true});
  CHECK(merge.begin() ==
        Statements{R"(LOCK TABLE "catalog"."ratings" IN SHARE ROW EXCLUSIVE MODE)",
                   R"(CREATE UNLOGGED TABLE "shardplex"."load_ab" (LIKE "catalog"."ratings" INCLUDING )"
                   "CONSTRAINTS INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING INDEXES)"});
  CHECK(merge.copy(omitted) == R"(COPY "shardplex"."load_ab" ("movie_id", "user_id") FROM STDIN)");
  CHECK(merge.after_copy(omitted).empty());
  const Statements end = merge.end();
  REQUIRE(end.size() == 4);
  CHECK(end[0] ==
        R"(DELETE FROM "catalog"."ratings" t WHERE NOT EXISTS (SELECT FROM "shardplex"."load_ab" s WHERE )"
        R"(s."movie_id" = t."movie_id" AND s."user_id" = t."user_id"))");
  CHECK(end[1].ends_with(R"(DO UPDATE SET "score" = EXCLUDED."score")"));
  CHECK(end[3] == R"(DROP TABLE "shardplex"."load_ab")");
}

TEST_CASE("a row that does not give all of its primary key is refused") {
  const Table table = ratings();
  const RowColumns columns(table);
  const StagedMerge merge(LoadMode::upsert, "ab", table, columns, true);
  CHECK_FALSE(merge.key_problem(row_of({"1", "2", std::nullopt, std::nullopt})));
  CHECK(merge.key_problem(row_of({"1", std::nullopt, "5", std::nullopt})) ==
        "column user_id is of the primary key, by which --upsert tells rows apart, and has to be given");
}

TEST_CASE("PostgreSQL's messages are told of the table that the rows are for") {
  Table table = ratings();
  table.name = "catalog.ratings";
  const RowColumns columns(table);
  const StagedMerge merge(LoadMode::replace, "ab", table, columns, false);
  CHECK(merge.told("new row for relation \"load_ab\" violates check constraint \"load_ab_check\"") ==
        "new row for relation \"ratings\" violates check constraint \"ratings_check\"");
  CHECK(merge.told("another message") == "another message");
  for (const std::string name : {"load_ab_pkey", "load_ab_keys_pkey"})
    CHECK(merge.told("duplicate key value violates unique constraint \"" + name +
                     "\": Key (id)=(1) already exists.") ==
          "the same primary key is on another line: Key (id)=(1) already exists.");
}
