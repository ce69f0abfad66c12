#include "query/plan/partial_aggregate.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/query/fixtures.hpp"

using namespace shardplex;
using namespace shardplex::fixtures;

namespace {

PartialAggregate partial(AggregateFunction function, const std::string& type) {
  return partial_aggregate(function, "p.a0", built_in_type(type), 3).value();
}

Error refusal(AggregateFunction function, const ValueType& type) {
  return partial_aggregate(function, "p.a0", type, 0).error();
}

std::vector<std::string> states(const PartialAggregate& aggregate) {
  std::vector<std::string> out;
  for (const auto& state : aggregate.states) out.push_back(state.sql + " " + state.type.name);
  return out;
}

Column domain_over(const std::string& schema, const std::string& base) {
  Column domain = column("value", "domain", "domain");
  domain.type_schema = "public";
  domain.base_type_name = base;
  domain.base_type_schema = schema;
  return domain;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("counts and sums add up to the type that PostgreSQL gives") {
  const auto count = partial_aggregate(AggregateFunction::count, "*", built_in_type("int8"), 0).value();
  CHECK(states(count) == Texts{"count(*) int8"});
  CHECK(count.final == "CAST(sum(p.s0) AS \"pg_catalog\".\"int8\")");
  CHECK(states(partial(AggregateFunction::sum, "int4")) == Texts{"sum(p.a0) int8"});
  CHECK(partial(AggregateFunction::sum, "int4").final == "CAST(sum(p.s3) AS \"pg_catalog\".\"int8\")");
  CHECK(states(partial(AggregateFunction::sum, "int8")) == Texts{"sum(p.a0) numeric"});
  CHECK(states(partial(AggregateFunction::sum, "float4")) == Texts{"sum(p.a0) float4"});
  CHECK(states(partial(AggregateFunction::sum, "time")) == Texts{"sum(p.a0) interval"});
}

TEST_CASE("an average is the sum of sums by the sum of counts, divided as PostgreSQL divides") {
  const auto of_integers = partial(AggregateFunction::avg, "int4");
  CHECK(states(of_integers) == Texts{"sum(p.a0) numeric", "count(p.a0) int8"});
  CHECK(of_integers.final ==
        "(CAST(sum(p.s3) AS \"pg_catalog\".\"numeric\") / CAST(sum(p.s4) AS \"pg_catalog\".\"numeric\"))");
  const auto of_reals = partial(AggregateFunction::avg, "float4");
  CHECK(states(of_reals) == Texts{"sum(CAST(p.a0 AS \"pg_catalog\".\"float8\")) float8", "count(p.a0) int8"});
  CHECK(of_reals.final ==
        "(CAST(sum(p.s3) AS \"pg_catalog\".\"float8\") / CAST(sum(p.s4) AS \"pg_catalog\".\"float8\"))");
  CHECK(partial(AggregateFunction::avg, "interval").final ==
        "(CAST(sum(p.s3) AS \"pg_catalog\".\"interval\") / CAST(sum(p.s4) AS \"pg_catalog\".\"float8\"))");
}

TEST_CASE("the least of the least is of the type that PostgreSQL's min() gives") {
  const auto least = partial(AggregateFunction::min, "varchar");
  CHECK(states(least) == Texts{"min(p.a0) text"});
  CHECK(least.final == "min(p.s3)");
  CHECK(least.states.front().as_planned ==
        "pg_catalog.pg_typeof(min(p.a0)) = '\"pg_catalog\".\"text\"'::regtype");
  CHECK(states(partial(AggregateFunction::max, "cidr")) == Texts{"max(p.a0) inet"});
  CHECK(states(partial(AggregateFunction::max, "_int4")) == Texts{"max(p.a0) _int4"});
  const auto mood =
      partial_aggregate(AggregateFunction::max, "p.a0", type_of(rating_enum("mpaa")), 0).value();
  CHECK(mood.states.front().type.sql == "\"public\".\"mpaa\"");
  Column amount = column("amount", "amount", "amount");
  amount.type_schema = "public";
  amount.base_type_name = "int4";
  amount.base_type_schema = "pg_catalog";
  const auto of_domain = partial_aggregate(AggregateFunction::max, "p.a0", type_of(amount), 0).value();
  CHECK(of_domain.states.front().type.sql == "\"pg_catalog\".\"int4\"");
  CHECK(of_domain.states.front().as_planned ==
        "pg_catalog.pg_typeof(max(p.a0)) IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)");
  CHECK(states(partial_aggregate(AggregateFunction::sum, "p.a0", type_of(amount), 0).value()) ==
        Texts{"sum(p.a0) int8"});
}

TEST_CASE("the least of a domain is of what the domain is made of, whatever that is") {
  const auto least_of_domain = [](const std::string& schema, const std::string& base) {
    return partial_aggregate(AggregateFunction::min, "p.a0", type_of(domain_over(schema, base)), 0)
        .value()
        .states.front();
  };
  const std::pair<std::string, std::string> built_in[] = {
      {"inet", "inet"},     {"cidr", "inet"},     {"varchar", "text"},
      {"bpchar", "bpchar"}, {"_text", "_text"},   {"money", "money"},
      {"regclass", "oid"},  {"pg_lsn", "pg_lsn"}, {"numeric", "numeric"}};
  for (const auto& [base, least] : built_in) {
    INFO(base);
    const auto state = least_of_domain("pg_catalog", base);
    CHECK(state.type.sql == "\"pg_catalog\".\"" + least + '"');
    CHECK(state.as_planned ==
          "pg_catalog.pg_typeof(min(p.a0)) = '\"pg_catalog\".\"" + least + "\"'::regtype");
  }
  const auto folded = least_of_domain("public", "citext");
  CHECK(folded.type.sql == "\"public\".\"citext\"");
  CHECK(folded.as_planned == "pg_catalog.pg_typeof(min(p.a0)) = '\"public\".\"citext\"'::regtype");
}

TEST_CASE(
    "the least of a type whose functions nobody finds is refused, since it would be that of another type") {
  Column folded = column("folded", "extensions.citext", "citext");
  folded.type_schema = "extensions";
  for (const auto& type : {type_of(folded), type_of(domain_over("extensions", "citext"))}) {
    CHECK(refusal(AggregateFunction::min, type).code == "SHARD400");
    CHECK(refusal(AggregateFunction::max, type).code == "SHARD400");
    CHECK(partial_aggregate(AggregateFunction::count, "p.a0", type, 0).has_value());
  }
  // Enums and arrays of any have PostgreSQL's own.
  Column mood = rating_enum("mpaa"), list = column("list", "extensions.citext[]", "_citext");
  mood.type_schema = list.type_schema = "extensions";
  for (const auto& type : {type_of(mood), type_of(list)})
    CHECK(partial_aggregate(AggregateFunction::min, "p.a0", type, 0).has_value());
}

TEST_CASE("sums say whether what was added up is what was planned for; integers may be wider on one shard") {
  const auto check = [](AggregateFunction function, const std::string& type) {
    return partial(function, type).states.front().as_planned;
  };
  CHECK(check(AggregateFunction::sum, "int4") == "pg_catalog.pg_typeof(sum(p.a0)) = 'int8'::regtype");
  CHECK(check(AggregateFunction::sum, "int8") ==
        "pg_catalog.pg_typeof(sum(p.a0)) IN ('numeric'::regtype, 'int8'::regtype)");
  CHECK(check(AggregateFunction::sum, "numeric") == "pg_catalog.pg_typeof(sum(p.a0)) = 'numeric'::regtype");
  CHECK(check(AggregateFunction::sum, "float8") == "pg_catalog.pg_typeof(sum(p.a0)) = 'float8'::regtype");
  CHECK(check(AggregateFunction::avg, "int4") ==
        "pg_catalog.pg_typeof(sum(p.a0)) IN ('numeric'::regtype, 'int8'::regtype)");
  CHECK(check(AggregateFunction::avg, "float4") == "pg_catalog.pg_typeof(avg(p.a0)) = 'float8'::regtype");
  CHECK(check(AggregateFunction::avg, "interval") == "pg_catalog.pg_typeof(sum(p.a0)) = 'interval'::regtype");
}

TEST_CASE("text compares by its column's collation also when the shards' least are compared") {
  Column name = collated(column("name", "character varying(20)", "varchar"), "de_DE.utf8");
  name.collation_sql = "pg_catalog.\"de_DE\"";
  const auto least = partial_aggregate(AggregateFunction::min, "p.a0", type_of(name), 0).value();
  CHECK(value_sql(least.states.front().type, "u.t0") ==
        "CAST(u.t0 AS \"pg_catalog\".\"text\") COLLATE pg_catalog.\"de_DE\"");
}

TEST_CASE("an aggregate that PostgreSQL does not have is refused in its words, an unknown one by name") {
  const auto none =
      refusal(AggregateFunction::sum, type_of(column("name", "character varying(20)", "varchar")));
  CHECK(none.code == "42883");
  CHECK(none.message == "function sum(character varying) does not exist");
  CHECK(refusal(AggregateFunction::avg, built_in_type("money")).message ==
        "function avg(money) does not exist");
  CHECK(refusal(AggregateFunction::sum, built_in_type("_int4")).message ==
        "function sum(integer[]) does not exist");
  // A cast of oid to bigint is no implicit one.
  CHECK(refusal(AggregateFunction::sum, built_in_type("oid")).message == "function sum(oid) does not exist");
  CHECK(refusal(AggregateFunction::avg, built_in_type("oid")).code == "42883");
  Column vector = column("place", "vector(3)", "vector");
  vector.type_schema = "public";
  CHECK(refusal(AggregateFunction::avg, type_of(vector)).code == "SHARD400");
}

TEST_CASE("characters keep their blanks on the way") {
  CHECK(text_sql(built_in_type("bpchar"), "p.g0") == "pg_catalog.textin(pg_catalog.bpcharout(p.g0))");
  CHECK(text_sql(built_in_type("numeric"), "p.g0") == "CAST(p.g0 AS text)");
}

TEST_CASE("the type of a field is its column's, that of its path, or that of its cast") {
  const Table table = movies();
  const auto type = [&](const Field& field, std::optional<std::string> cast) {
    return type_of(table, field, cast).value();
  };
  CHECK(type({"imdb_score", {}}, {}).shown == "numeric");
  CHECK(type({"data", {{true, "a"}}}, {}).name == "text");
  CHECK(type({"data", {{false, "a"}}}, {}).name == "jsonb");
  CHECK(type({"raw", {{false, "a"}}}, {}).name == "json");
  CHECK(type({"genre", {{false, 0}}}, {}).name == "jsonb");
  CHECK(type({"name", {}}, "Numeric(10, 2)").name == "numeric");
  CHECK(type({"name", {}}, "Numeric(10, 2)").sql == "\"numeric\"(10,2)");
  CHECK(type({"name", {}}, "int[]").name == "_int4");
  CHECK(type({"name", {}}, "char").sql == "\"bpchar\"(1)");
  CHECK_FALSE(type({"name", {}}, "no_such").built_in);
  CHECK(type({"name", {}}, "no_such").may_be_domain);
  CHECK(type({"name", {}}, "inet[]").built_in);
  CHECK_FALSE(type_of(rating_enum("mpaa")).may_be_domain);
  CHECK(type_of(table, {"absent", {}}, {}).error().code == "42703");
  CHECK(type_of(table, {"name", {}}, "a b").error().code == "PGRST100");
}
