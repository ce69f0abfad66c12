#include "query/grammar/parse.hpp"

#include <doctest/doctest.h>

#include <array>
#include <limits>
#include <memory>
#include <random>
#include <string>

using namespace shardplex;

namespace {

// ---- values, written short

Field field(std::string column, std::vector<JsonStep> path = {}) {
  return {std::move(column), std::move(path)};
}
JsonStep key(std::string name) {
  return {false, std::move(name)};
}
JsonStep key_text(std::string name) {
  return {true, std::move(name)};
}
JsonStep at(std::int32_t index) {
  return {false, index};
}
JsonStep at_text(std::int32_t index) {
  return {true, index};
}

Condition condition(Field f, Operator op, std::string value) {
  Condition c;
  c.field = std::move(f);
  c.op = op;
  c.value = std::move(value);
  return c;
}
Condition condition(std::string column, Operator op, std::string value) {
  return condition(field(std::move(column)), op, std::move(value));
}
Condition is(std::string column, IsValue value) {
  Condition c = condition(std::move(column), Operator::is, "");
  c.is_value = value;
  return c;
}
Condition in(std::string column, std::vector<std::string> list) {
  Condition c = condition(std::move(column), Operator::in, "");
  c.list = std::move(list);
  return c;
}
Condition negated(Condition c) {
  c.negated = true;
  return c;
}
Condition with(Quantifier quantifier, Condition c) {
  c.quantifier = quantifier;
  return c;
}
Condition with_language(std::string language, Condition c) {
  c.language = std::move(language);
  return c;
}

Filter logic(bool disjunction, bool is_negated, std::vector<Filter> children) {
  return {std::make_shared<const Logic>(Logic{disjunction, is_negated, std::move(children)})};
}
Filter any_of(std::vector<Filter> children) {
  return logic(true, false, std::move(children));
}
Filter all_of(std::vector<Filter> children) {
  return logic(false, false, std::move(children));
}
Filter not_any_of(std::vector<Filter> children) {
  return logic(true, true, std::move(children));
}
Filter not_all_of(std::vector<Filter> children) {
  return logic(false, true, std::move(children));
}

Query filtered(std::vector<Filter> filters) {
  Query query;
  query.table = "movies";
  query.filters = std::move(filters);
  return query;
}

SelectItem column(Field f, std::optional<std::string> alias = {}, std::optional<std::string> cast = {}) {
  return {false, std::move(f), std::move(alias), std::move(cast)};
}
SelectItem star() {
  return {true, {}, {}, {}};
}

OrderTerm by(Field f, bool descending = false, std::optional<bool> nulls_first = {}) {
  return {std::move(f), descending, nulls_first};
}

Result<Query> parse(std::string_view text, const ParseLimits& limits = {}) {
  return parse_query("movies", text, limits);
}

/// The error's code, or "" for a query.
std::string code_of(std::string_view text, const ParseLimits& limits = {}) {
  const auto result = parse(text, limits);
  return result ? "" : result.error().code;
}

struct FilterRow {
  const char* text;
  std::vector<Filter> filters;
};

void check_filters(const std::vector<FilterRow>& rows) {
  for (const FilterRow& row : rows) {
    CAPTURE(row.text);
    const auto result = parse(row.text);
    CAPTURE(result.has_error() ? result.error().message + ": " + result.error().details.value_or("") : "");
    REQUIRE(result.has_value());
    CHECK(*result == filtered(row.filters));
  }
}

void check_codes(std::string_view code, const std::vector<const char*>& texts) {
  for (const char* text : texts) {
    CAPTURE(text);
    CHECK(code_of(text) == code);
  }
}

}  // namespace

// ---- filters

TEST_CASE("an empty query string asks for everything") {
  for (const char* text : {"", "&", "&&&"}) CHECK(parse(text).value() == filtered({}));
}

TEST_CASE("every operator is read with its value") {
  const std::pair<const char*, Operator> rows[] = {
      {"eq", Operator::eq},
      {"neq", Operator::neq},
      {"gt", Operator::gt},
      {"gte", Operator::gte},
      {"lt", Operator::lt},
      {"lte", Operator::lte},
      {"like", Operator::like},
      {"ilike", Operator::ilike},
      {"match", Operator::match},
      {"imatch", Operator::imatch},
      {"cs", Operator::cs},
      {"cd", Operator::cd},
      {"ov", Operator::ov},
      {"sl", Operator::sl},
      {"sr", Operator::sr},
      {"nxr", Operator::nxr},
      {"nxl", Operator::nxl},
      {"adj", Operator::adj},
      {"fts", Operator::fts},
      {"plfts", Operator::plfts},
      {"phfts", Operator::phfts},
      {"wfts", Operator::wfts},
      {"isdistinct", Operator::isdistinct},
  };
  for (const auto& [name, op] : rows) {
    CAPTURE(name);
    const Condition expected = condition("a", op, "v.1");
    CHECK(parse("a=" + std::string(name) + ".v.1").value() == filtered({{expected}}));
    CHECK(parse("a=not." + std::string(name) + ".v.1").value() == filtered({{negated(expected)}}));
    CHECK(parse("and=(a." + std::string(name) + ".v.1)").value() == filtered({all_of({{expected}})}));
  }
}

TEST_CASE("a value is everything after the operator's dot") {
  check_filters({
      {"id=eq.42", {{condition("id", Operator::eq, "42")}}},
      {"id=eq.", {{condition("id", Operator::eq, "")}}},
      {"id=eq.a.b,c)(=%26", {{condition("id", Operator::eq, "a.b,c)(=&")}}},
      {"id=eq.\"x\"", {{condition("id", Operator::eq, "\"x\"")}}},
      {"id=eq.not.5", {{condition("id", Operator::eq, "not.5")}}},
      {"id=eq.+a+b", {{condition("id", Operator::eq, " a b")}}},
      {"id=eq.a%2Bb", {{condition("id", Operator::eq, "a+b")}}},
      {"id=gt.1&id=lt.9", {{condition("id", Operator::gt, "1")}, {condition("id", Operator::lt, "9")}}},
      {"&id=eq.1&&b=eq.2&", {{condition("id", Operator::eq, "1")}, {condition("b", Operator::eq, "2")}}},
      {"r=ov.[1,5)", {{condition("r", Operator::ov, "[1,5)")}}},
      {"t=cs.{\"a,b\",c}", {{condition("t", Operator::cs, "{\"a,b\",c}")}}},
  });
}

TEST_CASE("an asterisk is a percent sign in like and ilike only") {
  check_filters({
      {"n=like.*a*", {{condition("n", Operator::like, "%a%")}}},
      {"n=ilike.A%25*", {{condition("n", Operator::ilike, "A%%")}}},
      {"n=like(any).{*a,b*}", {{with(Quantifier::any, condition("n", Operator::like, "{%a,b%}"))}}},
      {"or=(n.like.*a*,n.eq.*)",
       {any_of({{condition("n", Operator::like, "%a%")}, {condition("n", Operator::eq, "*")}})}},
      {"n=match.^a*$", {{condition("n", Operator::match, "^a*$")}}},
  });
}

TEST_CASE("quantified operators keep their array literal as written") {
  check_filters({
      {"id=eq(any).{1,2}", {{with(Quantifier::any, condition("id", Operator::eq, "{1,2}"))}}},
      {"id=not.lte(all).{1,2}", {{negated(with(Quantifier::all, condition("id", Operator::lte, "{1,2}")))}}},
      {"or=(id.gt(any).{1,2},n.imatch(all).{a,b})",
       {any_of({{with(Quantifier::any, condition("id", Operator::gt, "{1,2}"))},
                {with(Quantifier::all, condition("n", Operator::imatch, "{a,b}"))}})}},
  });
}

TEST_CASE("in reads plain, quoted and escaped items") {
  check_filters({
      {"id=in.(1,2,3)", {{in("id", {"1", "2", "3"})}}},
      {"id=in.(1)", {{in("id", {"1"})}}},
      {"id=in.()", {{in("id", {})}}},
      {"id=in.(,)", {{in("id", {"", ""})}}},
      {"n=in.(\"\")", {{in("n", {""})}}},
      {"n=in.(a,\"b,c\",\"d)\")", {{in("n", {"a", "b,c", "d)"})}}},
      {R"(n=in.("Quote:\"","Backslash:\\"))", {{in("n", {"Quote:\"", "Backslash:\\"})}}},
      {"n=in.(%22Hebdon,John%22,%22Williams,Mary%22)", {{in("n", {"Hebdon,John", "Williams,Mary"})}}},
      {"n=in.(\"a\"b,c)", {{in("n", {"\"a\"b", "c"})}}},
      {"n=in.(a \"b\",c d)", {{in("n", {"a \"b\"", "c d"})}}},
      {"n=in.( a, b)", {{in("n", {"a", " b"})}}},
      {"n=not.in.(1,2)", {{negated(in("n", {"1", "2"}))}}},
      {"or=(id.in.(1,2),id.not.in.(\"3\"))", {any_of({{in("id", {"1", "2"})}, {negated(in("id", {"3"}))}})}},
  });
}

TEST_CASE("is takes five words in any case") {
  check_filters({
      {"a=is.null", {{is("a", IsValue::null)}}},
      {"a=is.NULL", {{is("a", IsValue::null)}}},
      {"a=is.Not_Null", {{is("a", IsValue::not_null)}}},
      {"a=is.true", {{is("a", IsValue::true_)}}},
      {"a=is.FALSE", {{is("a", IsValue::false_)}}},
      {"a=is.unknown", {{is("a", IsValue::unknown)}}},
      {"a=not.is.null", {{negated(is("a", IsValue::null))}}},
      {"or=(a.is.null,a.is.true)", {any_of({{is("a", IsValue::null)}, {is("a", IsValue::true_)}})}},
  });
}

TEST_CASE("full text search takes a language") {
  check_filters({
      {"t=fts(english).cat", {{with_language("english", condition("t", Operator::fts, "cat"))}}},
      {"t=not.wfts(french).a b", {{negated(with_language("french", condition("t", Operator::wfts, "a b")))}}},
      {"or=(t.plfts(german).x)", {any_of({{with_language("german", condition("t", Operator::plfts, "x"))}})}},
  });
}

TEST_CASE("column names may begin with digits and hold dashes, blanks and letters of any alphabet") {
  check_filters({
      {"99popularity=gte.7", {{condition("99popularity", Operator::gte, "7")}}},
      {"_a$1=eq.1", {{condition("_a$1", Operator::eq, "1")}}},
      {"a-b-c=eq.1", {{condition("a-b-c", Operator::eq, "1")}}},
      {"Unit%20Price=lt.2", {{condition("Unit Price", Operator::lt, "2")}}},
      {"+a+=eq.1", {{condition("a", Operator::eq, "1")}}},
      {"%D9%85%D9%88=eq.%D8%A7", {{condition("مو", Operator::eq, "ا")}}},
      {"\"information.cpe\"=eq.1", {{condition("information.cpe", Operator::eq, "1")}}},
      {R"("q\"\\"=eq.1)", {{condition("q\"\\", Operator::eq, "1")}}},
      {"\" a \"=eq.1", {{condition(" a ", Operator::eq, "1")}}},
      {"or=(\"a.b\".eq.1,99popularity.gt.2)",
       {any_of({{condition("a.b", Operator::eq, "1")}, {condition("99popularity", Operator::gt, "2")}})}},
  });
}

TEST_CASE("a reserved name in quotes is a column") {
  check_filters({
      {"\"select\"=eq.1", {{condition("select", Operator::eq, "1")}}},
      {"\"limit\"=eq.1", {{condition("limit", Operator::eq, "1")}}},
      {"\"after\"=eq.1", {{condition("after", Operator::eq, "1")}}},
      {"or=(or.eq.1,and.eq.2,not.eq.3,order.eq.4)",
       {any_of({{condition("or", Operator::eq, "1")},
                {condition("and", Operator::eq, "2")},
                {condition("not", Operator::eq, "3")},
                {condition("order", Operator::eq, "4")}})}},
  });
}

TEST_CASE("json paths lead by keys and indexes") {
  check_filters({
      {"d->>a=eq.1", {{condition(field("d", {key_text("a")}), Operator::eq, "1")}}},
      {"d->a->>b=eq.1", {{condition(field("d", {key("a"), key_text("b")}), Operator::eq, "1")}}},
      {"d->0->>-1=eq.1", {{condition(field("d", {at(0), at_text(-1)}), Operator::eq, "1")}}},
      {"d->1st=eq.1", {{condition(field("d", {key("1st")}), Operator::eq, "1")}}},
      {"d->\"0\"=eq.1", {{condition(field("d", {key("0")}), Operator::eq, "1")}}},
      {"d->a-b=eq.1", {{condition(field("d", {key("a-b")}), Operator::eq, "1")}}},
      {"d->\"\"=eq.1", {{condition(field("d", {key("")}), Operator::eq, "1")}}},
      {"d->!@%23$%25^%26*_a=eq.1", {{condition(field("d", {key("!@#$%^&*_a")}), Operator::eq, "1")}}},
      {"\"a.b\"->>\"c.d\"=eq.1", {{condition(field("a.b", {key_text("c.d")}), Operator::eq, "1")}}},
      {"d->2147483647=eq.1", {{condition(field("d", {at(2147483647)}), Operator::eq, "1")}}},
      {"or=(d->a->0.eq.1,d->>b.is.null)",
       {any_of({{condition(field("d", {key("a"), at(0)}), Operator::eq, "1")}, {[] {
                  Condition c = is("d", IsValue::null);
                  c.field.path = {key_text("b")};
                  return c;
                }()}})}},
  });
}

TEST_CASE("and and or nest, negate and take blanks") {
  const Filter a{condition("a", Operator::eq, "1")}, b{condition("b", Operator::gt, "2")};
  const Filter c{is("c", IsValue::null)};
  check_filters({
      {"or=(a.eq.1,b.gt.2)", {any_of({a, b})}},
      {"and=(a.eq.1,b.gt.2)", {all_of({a, b})}},
      {"not.or=(a.eq.1,b.gt.2)", {not_any_of({a, b})}},
      {"not.and=(a.eq.1)", {not_all_of({a})}},
      {"or=(a.eq.1,and(b.gt.2,c.is.null))", {any_of({a, all_of({b, c})})}},
      {"or=(not.and(a.eq.1,not.or(b.gt.2)),c.is.null)", {any_of({not_all_of({a, not_any_of({b})}), c})}},
      {"or=( a.eq.1, and( b.gt.2,c.is.null ) )",
       {any_of({a, all_of({{condition("b", Operator::gt, "2")}, {is("c", IsValue::null)}})})}},
      {"and=(or(a.eq.1),or (b.gt.2))", {all_of({any_of({a}), any_of({b})})}},
      {"or=(a.eq.1)&c=is.null&or=(b.gt.2)", {any_of({a}), c, any_of({b})}},
  });
}

TEST_CASE("inside a tree quotes and braces protect a value") {
  const auto one = [](std::string value) {
    return std::vector<Filter>{any_of({{condition("a", Operator::eq, std::move(value))}})};
  };
  check_filters({
      {"or=(a.eq.)", one("")},
      {"or=(a.eq.x.y)", one("x.y")},
      {"or=(a.eq.\"x,y)\")", one("x,y)")},
      {R"(or=(a.eq."\"\\\x"))", one("\"\\x")},
      {"or=(a.eq.\"x\"y)", one("\"x\"y")},
      {"or=(a.eq.\"x)", one("\"x")},
      {"or=(a.eq.{1,2})", one("{1,2}")},
      {"or=(a.eq.{1)", one("{1")},
      {"or=(a.eq.{{1}})", one("{{1}}")},
      {"or=(a.eq.\"\")", one("")},
      {"or=(a.cs.{1,2},b.cs.{\"x\":1,\"y\":2})",
       {any_of(
           {{condition("a", Operator::cs, "{1,2}")}, {condition("b", Operator::cs, "{\"x\":1,\"y\":2}")}})}},
  });
}

TEST_CASE("malformed operators and values are PGRST100") {
  check_codes("PGRST100", {"id", "id=", "id=5", "id=foo.5", "id=EQ.5", "id=eq", "id=eq5", "id=.5", "id=not.5",
                           "id=not.not.eq.5", "id=not", "id=eq().5", "id=eq(some).5", "id=eq(any.5"});
  check_codes("PGRST100", {"id=neq(any).5", "id=in(any).(1)", "id=is(any).null", "id=fts().x", "id=fts(a.x",
                           "id=in.1,2", "id=in.(1,2", "id=in.(1,2)x", "id=in.(1))"});
  check_codes("PGRST100", {"id=is.", "id=is.nul", "id=is.nullx", "id=is.null "});
}

TEST_CASE("malformed columns and json paths are PGRST100") {
  check_codes("PGRST100", {"=eq.1", "\"\"=eq.1", "\"a=eq.1", "\"a\\=eq.1", "\"a\"b=eq.1", "(a)=eq.1",
                           "a)=eq.1", "a,b=eq.1", "-a=eq.1", "a-=eq.1", "%20=eq.1"});
  check_codes("PGRST100",
              {"d->=eq.1", "d->>=eq.1", "d->-x=eq.1", "d->2147483648=eq.1", "d->a->=eq.1", "d->(a)=eq.1"});
}

TEST_CASE("malformed trees are PGRST100") {
  check_codes("PGRST100",
              {"or", "or=", "or=()", "or=(", "or=a.eq.1", "or=(a.eq.1", "or=(a.eq.1))", "or=(a.eq.1)x",
               "or=(a.eq.1,)", "or=(,a.eq.1)", "or=(a)", "or=(a.1)", "or=(and())", "or=(not.xor(a.eq.1))",
               "or=(and(a.eq.1)", "or=(a.in.1,2)", "or=(a.is.maybe)", "or=(a.eq.{1}x)", "or=(b.c.eq.1)"});
}

TEST_CASE("a filter's error quotes the text and points at the place") {
  const auto bad = parse("id=foo.5").error();
  CHECK(bad.message == R"~("failed to parse filter (foo.5)" (line 1, column 1))~");
  CHECK(bad.details == R"~(unexpected "f" expecting "not" or operator (eq, gt, ...))~");
  CHECK_FALSE(bad.hint.has_value());
  CHECK(http_status(bad) == 400);

  const std::pair<const char*, const char*> rows[] = {
      {"id=not.foo.5", R"~("failed to parse filter (not.foo.5)" (line 1, column 5))~"},
      {"id=eq", R"~("failed to parse filter (eq)" (line 1, column 3))~"},
      {"é)=eq.1", R"~("failed to parse tree path (é))" (line 1, column 2))~"},
      {"or=(a.eq.1,b)", R"~("failed to parse logic tree ((a.eq.1,b))" (line 1, column 10))~"},
      {"select=a,b.c", R"~("failed to parse select parameter (a,b.c)" (line 1, column 4))~"},
      {"order=a.up", R"~("failed to parse order (a.up)" (line 1, column 3))~"},
  };
  for (const auto& [text, message] : rows) CHECK(parse(text).error().message == message);
  CHECK(parse("id=eq").error().details == "unexpected end of input expecting delimiter (.)");
  CHECK(parse("order=a.é").error().details ==
        R"~(unexpected "é" expecting "asc", "desc", "nullsfirst" or "nullslast")~");
}

// ---- select, order, paging, columns

TEST_CASE("select takes columns, aliases, casts and json paths") {
  const std::pair<const char*, std::vector<SelectItem>> rows[] = {
      {"*", {star()}},
      {"id", {column(field("id"))}},
      {"id,name", {column(field("id")), column(field("name"))}},
      {" id , name ", {column(field("id")), column(field("name"))}},
      {"*,99popularity", {star(), column(field("99popularity"))}},
      {"title:name", {column(field("name"), "title")}},
      {"id::text", {column(field("id"), {}, "text")}},
      {"t:released::timestamp with time zone", {column(field("released"), "t", "timestamp with time zone")}},
      {"d->a->>b", {column(field("d", {key("a"), key_text("b")}))}},
      {"x:d->0::text,id", {column(field("d", {at(0)}), "x", "text"), column(field("id"))}},
      {"\"a.b\",\"al:ias\":\"c,d\"::int", {column(field("a.b")), column(field("c,d"), "al:ias", "int")}},
      {"count,sum", {column(field("count")), column(field("sum"))}},
      {"id,id", {column(field("id")), column(field("id"))}},
  };
  for (const auto& [text, items] : rows) {
    CAPTURE(text);
    Query expected = filtered({});
    expected.select = items;
    CHECK(parse("select=" + std::string(text)).value() == expected);
  }
  check_codes("PGRST100",
              {"select=,", "select=id,", "select=a b c)", "select=id::", "select=a:", "select=:a",
               "select=a:b:c", "select=a:*", "select=*x", "select=*:a", "select=a.b", "select=a.sum",
               "select=a.sum(", "select=a.median()", "select=\"a", "select=d->", "select=id::text[]"});
}

TEST_CASE("an empty select is no select") {
  CHECK(parse("select=").value() == filtered({}));
  CHECK(parse("select").value() == filtered({}));
  CHECK(parse("select=&select=a").value().select == std::vector{column(field("a"))});
}

TEST_CASE("order takes directions and places of nulls") {
  const std::pair<const char*, std::vector<OrderTerm>> rows[] = {
      {"a", {by(field("a"))}},
      {"a.asc", {by(field("a"))}},
      {"a.desc", {by(field("a"), true)}},
      {"a.nullsfirst", {by(field("a"), false, true)}},
      {"a.desc.nullslast,b", {by(field("a"), true, false), by(field("b"))}},
      {"a.asc.nullsfirst, b.desc ,c", {by(field("a"), false, true), by(field("b"), true), by(field("c"))}},
      {"d->a->>0.desc", {by(field("d", {key("a"), at_text(0)}), true)}},
      {"\"a.desc\",99popularity.desc", {by(field("a.desc")), by(field("99popularity"), true)}},
  };
  for (const auto& [text, terms] : rows) {
    CAPTURE(text);
    Query expected = filtered({});
    expected.order = terms;
    CHECK(parse("order=" + std::string(text)).value() == expected);
  }
  check_codes("PGRST100",
              {"order", "order=", "order=,a", "order=a,", "order=a.", "order=a.ac", "order=a.descc",
               "order=a.DESC", "order=a.nulslast", "order=a.asc.desc", "order=a.nullsfirst.desc",
               "order=a.asc.nullslasttt", "order=a.asc.nullslast.x", "order=a)"});
}

TEST_CASE("limit and offset are integers that PostgreSQL takes") {
  Query expected = filtered({});
  expected.limit = 15;
  expected.offset = 30;
  CHECK(parse("limit=15&offset=30").value() == expected);
  CHECK(parse("limit=0").value().limit == 0);
  CHECK(parse("limit=007").value().limit == 7);
  CHECK(parse("limit=9223372036854775807").value().limit == 9223372036854775807u);
  CHECK(parse("id=eq.1").value().limit == std::nullopt);
  check_codes("PGRST100", {"limit", "limit=", "limit=a", "limit=1a", "limit=1.5", "limit=1e3", "limit=+1",
                           "limit=-", "limit=--1", "offset=x", "offset=-x", "limit=9223372036854775808",
                           "offset=99999999999999999999999"});
}

TEST_CASE("an offset below zero says nothing alone, and takes its part off a limit") {
  CHECK(parse("offset=-1").value() == filtered({}));
  CHECK(parse("offset=-9223372036854775808").value() == filtered({}));
  for (const char* text : {"limit=5&offset=-2", "offset=-2&limit=5"}) {
    CAPTURE(text);
    CHECK(parse(text).value().limit == 3);
    CHECK(parse(text).value().offset == 0);
  }
  CHECK(parse("limit=0&offset=-2").value().limit == 0);
  CHECK(parse("limit=-1&limit=4").value().limit == 4);
  for (const char* text :
       {"limit=2&offset=-2", "limit=2&offset=-5", "limit=9223372036854775807&offset=-9223372036854775808"}) {
    CAPTURE(text);
    CHECK(code_of(text) == "PGRST103");
  }
}

TEST_CASE("a negative limit cannot be satisfied") {
  const auto error = parse("limit=-1").error();
  CHECK(error.code == "PGRST103");
  CHECK(error.message == "Requested range not satisfiable");
  CHECK(error.details == "Limit should be greater than or equal to zero.");
  CHECK(http_status(error) == 416);
}

TEST_CASE("columns and on_conflict are lists of names without repetition") {
  Query expected = filtered({});
  expected.columns = {"id", "a.b", "99popularity"};
  expected.on_conflict = {"id", "name"};
  CHECK(parse("columns=id,\"a.b\", 99popularity,id&on_conflict=id,name").value() == expected);
  check_codes("PGRST100", {"columns=", "columns=a,", "columns=a.b", "columns=*", "columns=a->b",
                           "on_conflict=", "on_conflict=a(b)"});
}

TEST_CASE("of a repeated parameter the first counts, of limit and offset the last") {
  const Query query = parse(
                          "select=a&select=b&order=a&order=b&columns=a&columns=b&on_conflict=a&on_conflict=b&"
                          "limit=1&limit=2&offset=3&offset=4")
                          .value();
  CHECK(query.select == std::vector{column(field("a"))});
  CHECK(query.order == std::vector{by(field("a"))});
  CHECK(query.columns == std::vector<std::string>{"a"});
  CHECK(query.on_conflict == std::vector<std::string>{"a"});
  CHECK(query.limit == 2);
  CHECK(query.offset == 4);
  CHECK(code_of("select=a&select=,") == "PGRST100");
}

TEST_CASE("what is no filter is refused with what was probably meant") {
  CHECK(parse("limt=5").error().hint == "Perhaps you meant the parameter 'limit'");
  CHECK(parse("oder=name.asc").error().hint == "Perhaps you meant the parameter 'order'");
  CHECK(parse("year=1979").error().hint == "A filter is column=operator.value, such as year=eq.1979");
  CHECK(parse("year=gr.1979").error().hint == std::nullopt);
  CHECK(parse("oder=eq.5").has_value());
}

// ---- refusals

TEST_CASE("cursors are refused where they are not served, and where they are none") {
  const std::string cursor = "after=" + encode_cursor({false, 7, {"a", std::nullopt}});
  const auto refused = [](const Result<Query>& result) {
    REQUIRE(result.has_error());
    CHECK(result.error().code == "SHARD400");
    CHECK_FALSE(result.error().details.value_or("").empty());
    CHECK(result.error().hint.value_or("").find("\"after\"") != std::string::npos);
  };
  for (const std::string& text : {std::string("after=abc"), std::string("after="), cursor})
    refused(parse(text));
  const auto call = parse_function_call("f", "after=", {});
  CHECK((call.has_error() && call.error().code == "SHARD400"));
  CHECK(parse_function_call("f", "%22after%22=5", {}).value().arguments ==
        std::vector<Argument>{{"after", "5"}});
  for (const char* text : {"after=abc", "after=eq.5", "after=5"})
    refused(parse_query("movies", text, {}, Cursors::served));
}

TEST_CASE("a cursor is read, and an empty one is the first page") {
  const auto page = [](const std::string& text) {
    return parse_query("movies", text, {}, Cursors::served).value().page;
  };
  CHECK(page("limit=5") == std::nullopt);
  CHECK(page("after=") == CursorPage{});
  CHECK(page("after") == CursorPage{});
  const Cursor cursor{true, 7, {"a", std::nullopt}};
  CHECK(page("after=" + encode_cursor(cursor)) == CursorPage{cursor});
  CHECK(page("after=&after=" + encode_cursor(cursor)) == CursorPage{cursor});
  CHECK(page("%22after%22=eq.5") == std::nullopt);
}

TEST_CASE("a request over a limit is refused and the limit is named") {
  const ParseLimits limits{.filters = 3, .nesting = 2, .list_items = 2};
  const std::pair<const char*, const char*> rows[] = {
      {"a=eq.1&a=eq.2&a=eq.3&a=eq.4", "A request holds at most 3 conditions"},
      {"or=(a.eq.1,a.eq.2,and(a.eq.3,a.eq.4))", "A request holds at most 3 conditions"},
      {"or=(and(or(a.eq.1)))", "and() and or() nest at most 2 deep"},
      {"a=in.(1,2,3)", "A list holds at most 2 items"},
      {"or=(a.in.(1,2,3))", "A list holds at most 2 items"},
  };
  for (const auto& [text, details] : rows) {
    CAPTURE(text);
    const auto result = parse(text, limits);
    REQUIRE(result.has_error());
    CHECK(result.error().code == "PGRST100");
    CHECK(result.error().details == details);
  }
  CHECK(code_of("a=eq.1&or=(a.eq.1,not.and(a.in.(1,2)))", limits) == "");
}

TEST_CASE("a million opening brackets are refused without deep recursion") {
  std::string text = "or=(";
  for (int i = 0; i < 1'000'000; ++i) text += "or(";
  CHECK(code_of(text) == "PGRST100");
}

// ---- decoding

TEST_CASE("percent decoding is exact or refused") {
  CHECK(percent_decode("a%20b+c", true) == "a b c");
  CHECK(percent_decode("a%20b+c", false) == "a b+c");
  CHECK(percent_decode("%c3%A9%F0%9F%8E%AC", false) == "é🎬");
  CHECK(percent_decode("%2525", false) == "%25");
  CHECK(percent_decode("", false) == "");
  for (const char* bad : {"%", "%2", "%zz", "a%g0", "%2x", "100%", "%00", "%ff", "%c3", "%c3(", "%ed%a0%80",
                          "%c0%af", "%f4%90%80%80", "%e2%82"}) {
    CAPTURE(bad);
    CHECK_FALSE(percent_decode(bad, true).has_value());
  }
  CHECK_FALSE(percent_decode(std::string_view("a\0b", 3), false).has_value());
  CHECK_FALSE(percent_decode("\xff", false).has_value());
}

TEST_CASE("& and = separate before decoding") {
  check_filters({
      {"a=eq.1%26b=eq.2", {{condition("a", Operator::eq, "1&b=eq.2")}}},
      {"%22a%3Db%22=eq.1", {{condition("a=b", Operator::eq, "1")}}},
      {"%61=%65q.1", {{condition("a", Operator::eq, "1")}}},
  });
}

TEST_CASE("text that cannot be decoded is PGRST100, shown without its bytes") {
  check_codes("PGRST100",
              {"a=eq.%", "a=eq.%zz", "%zz=eq.1", "a=eq.%00", "a=eq.%ff", "a=eq.\xff", "select=%e2%82"});
  CHECK(code_of(std::string_view("a=eq.\0", 6)) == "PGRST100");
  const auto error = parse("a=eq.\xff%zz\n").error();
  CHECK(error.message == "\"failed to decode parameter (a=eq.?%zz?)\"");
}

// ---- Range

TEST_CASE("a Range header is intersected with limit and offset") {
  struct Row {
    const char* query;
    const char* range;
    std::uint64_t offset;
    std::optional<std::uint64_t> limit;
  };
  const Row rows[] = {
      {"", "0-9", 0, 10},
      {"", "10-", 10, std::nullopt},
      {"", "3-3", 3, 1},
      {"", " 0-9 ", 0, 10},
      {"limit=2", "0-5", 0, 2},
      {"limit=6", "0-1", 0, 2},
      {"limit=3&offset=6", "0-9", 6, 3},
      {"limit=6&offset=6", "0-9", 6, 4},
      {"limit=6&offset=6", "8-9", 8, 2},
      {"limit=6&offset=6", "8-", 8, 4},
      {"offset=4", "0-9", 4, 6},
      {"offset=4", "6-", 6, std::nullopt},
      {"limit=0", "5-9", 0, 0},
      {"limit=0&offset=7", "9-5", 7, 0},
      {"limit=5", "items=0-9", 0, 5},
      {"limit=5", "", 0, 5},
      {"limit=5", "-", 0, 5},
      {"limit=5", "-5", 0, 5},
      {"limit=5", "a-b", 0, 5},
      {"limit=5", "0-9,20-29", 0, 5},
      {"limit=5", "0", 0, 5},
      {"", "0-9223372036854775807", 0, std::nullopt},
      {"", "0-99999999999999999999", 0, std::nullopt},
      {"", "1-9223372036854775806", 1, 9223372036854775806u},
      {"", "99999999999999999999-", 9223372036854775807u, std::nullopt},
      {"limit=9223372036854775807&offset=9223372036854775807", "0-", 9223372036854775807u,
       9223372036854775807u},
  };
  for (const Row& row : rows) {
    CAPTURE(row.query);
    CAPTURE(row.range);
    Query query = parse(row.query).value();
    REQUIRE(apply_range_header(query, row.range).has_value());
    CHECK(query.offset == row.offset);
    CHECK(query.limit == row.limit);
  }
  Query query = parse("limit=5&offset=2").value();
  CHECK(apply_range_header(query, std::nullopt).has_value());
  CHECK(query == parse("limit=5&offset=2").value());
}

TEST_CASE("a Range without rows is PGRST103 and leaves the query as it was") {
  const std::pair<const char*, const char*> rows[] = {
      {"", "10-5"}, {"limit=5&offset=10", "0-4"}, {"limit=5", "5-"}, {"offset=10", "0-9"}};
  for (const auto& [text, range] : rows) {
    CAPTURE(text);
    CAPTURE(range);
    Query query = parse(text).value();
    const auto result = apply_range_header(query, range);
    REQUIRE(result.has_error());
    CHECK(result.error().code == "PGRST103");
    CHECK(query == parse(text).value());
  }
}

// ---- Prefer

TEST_CASE("without Prefer nothing is given and nothing applied") {
  for (const char* header : {"", " ", ",", " , ,"}) {
    const Preferences preferences = parse_prefer(header).value();
    CHECK(preferences.returning == ReturnKind::minimal);
    CHECK(preferences.count == CountKind::none);
    CHECK_FALSE(preferences.strict);
    CHECK(preferences.unknown.empty());
    CHECK(preference_applied(preferences, true) == "");
  }
}

TEST_CASE("preferences are read in any case and spacing, the first of a kind counts") {
  const Preferences all =
      parse_prefer(" Return = Representation ,count=EXACT,handling=lenient,  tx=commit,missing=null").value();
  CHECK(all.returning == ReturnKind::representation);
  CHECK(all.count == CountKind::exact);
  CHECK(all.tx == TransactionEnd::commit);
  CHECK(all.missing == MissingColumns::null);
  CHECK_FALSE(all.strict);
  CHECK((all.returning_given && all.count_given && all.handling_given));

  CHECK(parse_prefer("return=headers-only, return=minimal").value().returning == ReturnKind::headers_only);
  CHECK(parse_prefer("return=minimal, return=representation").value().returning == ReturnKind::minimal);
  CHECK(parse_prefer("handling=strict,handling=lenient").value().strict);
}

TEST_CASE("preferences that are not served are refused by name") {
  for (const char* preference :
       {"tx=rollback", "timezone=America/Los_Angeles", "timezone=+02:00", "TX=rollback"}) {
    CAPTURE(preference);
    const auto result = parse_prefer("return=minimal, " + std::string(preference));
    REQUIRE(result.has_error());
    CHECK(result.error().code == "SHARD400");
    CHECK(result.error().details == "Prefer: " + std::string(preference) + " is not available");
    CHECK_FALSE(result.error().hint.value_or("").empty());
  }
}

TEST_CASE("max-affected counts, and is named as honoured, under handling=strict only") {
  const auto strict = parse_prefer("handling=strict, max-affected = 10, max-affected=20").value();
  CHECK(strict.max_affected == 10);
  CHECK(preference_applied(strict, true) == "handling=strict, max-affected=10");
  CHECK(preference_applied(strict, false) == "handling=strict");
  CHECK(preference_applied(parse_prefer("max-affected=10").value(), true) == "");
  for (const char* wrong :
       {"max-affected=", "max-affected=-1", "max-affected=1.5", "max-affected=99999999999999999999"}) {
    CAPTURE(wrong);
    CHECK(parse_prefer("handling=strict, " + std::string(wrong)).error().code == "PGRST122");
  }
}

TEST_CASE("unknown preferences are kept as written, and refused under handling=strict") {
  const auto lenient = parse_prefer("Foo, max-affected=some, return=nothing, tx=maybe").value();
  CHECK(lenient.unknown ==
        std::vector<std::string>{"Foo", "max-affected=some", "return=nothing", "tx=maybe"});
  CHECK(preference_applied(lenient, true) == "");

  const auto strict = parse_prefer("foo, handling=strict, bar=1").error();
  CHECK(strict.code == "PGRST122");
  CHECK(strict.message == "Invalid preferences given with handling=strict");
  CHECK(strict.details == "Invalid preferences: foo, bar=1");
  CHECK(parse_prefer("handling=strict, count=exact").has_value());
}

TEST_CASE("Preference-Applied names what was honoured") {
  const auto all =
      parse_prefer("tx=commit,handling=strict,count=exact,return=headers-only,missing=null").value();
  CHECK(preference_applied(all, true) ==
        "missing=null, return=headers-only, count=exact, tx=commit, handling=strict");
  CHECK(preference_applied(all, false) == "count=exact, tx=commit, handling=strict");
  for (const char* one : {"return=minimal", "return=representation", "handling=lenient"})
    CHECK(preference_applied(parse_prefer(one).value(), true) == one);
}

// ---- Accept

TEST_CASE("Accept chooses the shape by quality, then by parameters and wildcards, then by order") {
  CHECK(parse_accept(std::nullopt).value() == Shape::array);
  const std::pair<const char*, Shape> rows[] = {
      {"", Shape::array},
      {"*/*", Shape::array},
      {"application/*", Shape::array},
      {"application/json", Shape::array},
      {"Application/JSON; charset=utf-8", Shape::array},
      {"application/vnd.pgrst.array+json", Shape::array},
      {"application/vnd.pgrst.object+json", Shape::object},
      {"application/vnd.pgrst.object", Shape::object},
      {"application/vnd.pgrst.object+json, application/json", Shape::object},
      {"application/json, application/vnd.pgrst.object+json", Shape::array},
      {"application/json;q=0.5, application/vnd.pgrst.object+json", Shape::object},
      {"application/json; q=0.9 , application/vnd.pgrst.object+json; q=0.8", Shape::array},
      {"*/*, application/vnd.pgrst.object+json", Shape::object},
      {"application/vnd.pgrst.object+json;q=0, */*", Shape::array},
      {"text/html,application/xhtml+xml,*/*;q=0.8", Shape::array},
      {"text/csv, application/json;q=0.1", Shape::csv},
      {"text/csv;q=0.5, application/json", Shape::array},
      {"*/*, Text/CSV; header=present", Shape::csv},
      {"text/csv, application/json;charset=utf-8", Shape::array},
      {"text/csv, application/json;q=1", Shape::csv},
      {"*/*;a=1;b=2;c=3, text/csv", Shape::array},
      {"application/json, application/vnd.pgrst.array+json;nulls=stripped", Shape::stripped_array},
      {"application/json;q=0.5;a=1, application/vnd.pgrst.object+json;nulls=stripped;q=0.5",
       Shape::stripped_object},
      {"text/html, text/csv, application/x-ndjson", Shape::csv},
      {"application/x-ndjson", Shape::ndjson},
      {"application/vnd.pgrst.object+json;nulls=stripped, application/json", Shape::stripped_object},
      {"application/vnd.pgrst.object; nulls = \"stripped\"", Shape::stripped_object},
      {"Application/vnd.pgrst.array+json ; Nulls=stripped", Shape::stripped_array},
      {"application/vnd.pgrst.array;nulls=stripped", Shape::stripped_array},
      {" APPLICATION/VND.PGRST.OBJECT+JSON ; charset = utf-8 ", Shape::object},
      {"application/json ; Q = 0.5 , application/vnd.pgrst.object+json ; q= 0.6", Shape::object},
      {"application/vnd.pgrst.object+json;x=\"a,b;q=0\"", Shape::object},
      {"application/json;q=0, */*;q=0.1, application/vnd.pgrst.object+json;q=0.01", Shape::object},
  };
  for (const auto& [accept, shape] : rows) {
    CAPTURE(accept);
    const auto result = parse_accept(accept);
    REQUIRE(result.has_value());
    CHECK(*result == shape);
  }
}

TEST_CASE("a Content-Type's media type is told in any case, with or without parameters") {
  CHECK(media_type("") == "");
  CHECK(media_type("application/json") == "application/json");
  CHECK(media_type(" Application/JSON ; charset=UTF-8") == "application/json");
  CHECK(media_type("text/csv;header=present") == "text/csv");
}

TEST_CASE("an Accept that nothing on offer meets is PGRST107") {
  for (const char* accept :
       {"text/csv;q=0", "text/html", "application/xml;q=0.9, text/*", "application/json;q=0",
        "application/json;q=0, */*", "application/vnd.pgrst.plan+json", "application/geo+json", "text/plain",
        "text/xml", "application/octet-stream", "application/openapi+json",
        "application/x-www-form-urlencoded", "json", ";", ","}) {
    CAPTURE(accept);
    const auto result = parse_accept(accept);
    REQUIRE(result.has_error());
    CHECK(result.error().code == "PGRST107");
    CHECK(http_status(result.error()) == 406);
  }
  CHECK(
      parse_accept("Text/XML;q=0.4, application/vnd.pgrst.object+json;nulls=stripped;q=0").error().message ==
      "None of these media types are available: text/xml, application/vnd.pgrst.object+json;nulls=stripped");
}

// ---- equality

TEST_CASE("filters are equal where their trees are, wherever they are stored") {
  const Filter a{condition("a", Operator::eq, "1")}, b{condition("a", Operator::eq, "2")};
  CHECK(any_of({a, all_of({b})}) == any_of({a, all_of({b})}));
  CHECK_FALSE(any_of({a, all_of({b})}) == any_of({a, all_of({a})}));
  CHECK_FALSE(any_of({a}) == all_of({a}));
  CHECK_FALSE(any_of({a}) == not_any_of({a}));
  CHECK_FALSE(any_of({a}) == a);
  CHECK_FALSE(a == b);
}

// ---- properties

namespace {

/// Random queries, and their text with random choices where the grammar leaves one.
class QueryGenerator {
 public:
  explicit QueryGenerator(std::uint64_t seed) : random_(seed) {}

  std::size_t below(std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random_);
  }
  bool chance(std::size_t in) { return below(in) == 0; }

  Query query() {
    Query query = filtered({});
    for (std::size_t n = below(4); n > 0; --n) query.select.push_back(select_item());
    for (std::size_t n = below(4); n > 0; --n) query.filters.push_back(filter(3));
    for (std::size_t n = below(3); n > 0; --n) query.order.push_back(order_term());
    if (chance(2)) query.limit = row_count();
    if (chance(2)) query.offset = row_count();
    if (chance(4)) query.columns = names();
    if (chance(4)) query.on_conflict = names();
    return query;
  }

  std::string text(const Query& query) {
    std::vector<std::string> parameters;
    const auto add = [&](const std::string& k, const std::string& v) {
      parameters.push_back(encoded(k) + "=" + encoded(v));
    };
    if (!query.select.empty()) add("select", list(query.select, [&](const auto& i) { return text(i); }));
    for (const Filter& f : query.filters) {
      if (const auto* c = std::get_if<Condition>(&f.node)) {
        add(text(c->field, true), comparison(*c, false));
      } else {
        const Logic& tree = *std::get<std::shared_ptr<const Logic>>(f.node);
        add(operator_of(tree), children(tree));
      }
    }
    if (!query.order.empty()) add("order", list(query.order, [&](const auto& t) { return text(t); }));
    if (query.limit) add("limit", std::to_string(*query.limit));
    if (query.offset != 0 || chance(4)) add("offset", std::to_string(query.offset));
    const auto name_list = [&](const auto& l) {
      return list(l, [&](const auto& n) { return name_text(n); });
    };
    if (query.columns) add("columns", name_list(*query.columns));
    if (query.on_conflict) add("on_conflict", name_list(*query.on_conflict));
    return list(
        parameters, [](const std::string& p) { return p; }, '&');
  }

 private:
  static constexpr std::array names_by_shape = {
      "id",    "name",  "99popularity", "a-b",   "Unit Price", "_x$",   "é",     "مو",   "not",
      "or",    "and",   "eq",           "order", "count",      "a.b",   "a,b",   "a\"b", "a\\b",
      "(a)",   " pad ", "a:b",          "*",     "a->b",       "limit", "a=b&c", "100%", "select",
      "after", "#+/?",  "null",         "-a",    "a-",         "\t",    "🎬"};
  static constexpr std::array values = {
      "",   "1",       "-5",     "a",       "a b",  "a,b",   "a)b",  "(",   "\"",  "\"q\"",
      "\\", "a\"b\\c", "{1,2}",  "{",       "}",    "a.b",   "null", "%",   "%25", "100%",
      "+",  "é",       "🎬",      "\n",      "\x7f", "[1,2)", "not.", "eq.", "=",   "&",
      "#",  "{\"a\"",  "{a}{b}", "\"a\",b", " ",    "\"\"",  "a'b",  "x:y", "::"};

  std::string name() { return names_by_shape[below(names_by_shape.size())]; }
  std::string value() { return values[below(values.size())]; }
  std::uint64_t row_count() {
    return chance(4) ? std::uint64_t{std::numeric_limits<std::int64_t>::max()} - below(2) : below(100);
  }
  std::vector<std::string> names() {
    std::vector<std::string> all{name()};
    if (std::string other = name(); other != all.front()) all.push_back(std::move(other));
    return all;
  }

  Field random_field() {
    Field f = field(name());
    while (chance(3)) {
      JsonStep& step = f.path.emplace_back();
      step.as_text = chance(2);
      if (chance(2))
        step.to = static_cast<std::int32_t>(below(7)) - 3;
      else
        step.to = chance(5) ? std::string() : chance(5) ? std::string("0") : name();
    }
    return f;
  }

  SelectItem select_item() {
    if (chance(6)) return star();
    SelectItem item = column(random_field());
    if (chance(3)) item.alias = name();
    if (chance(3)) item.cast = chance(2) ? "text" : "timestamp with time zone";
    return item;
  }

  OrderTerm order_term() {
    OrderTerm term = by(random_field(), chance(2));
    if (chance(2)) term.nulls_first = chance(2);
    return term;
  }

  Condition random_condition() {
    Condition c = condition(random_field(), static_cast<Operator>(below(25)), "");
    c.negated = chance(3);
    const bool quantifiable = c.op <= Operator::imatch && c.op != Operator::neq;
    if (c.op == Operator::is) {
      c.is_value = static_cast<IsValue>(below(5));
    } else if (c.op == Operator::in) {
      for (std::size_t n = below(4); n > 0; --n) c.list.push_back(value());
    } else if (quantifiable && chance(3)) {
      c.quantifier = chance(2) ? Quantifier::any : Quantifier::all;
      c.value = "{1,\"a\",b}";
    } else {
      c.value = value();
      if (c.op >= Operator::fts && chance(2)) c.language = "english";
    }
    return c;
  }

  Filter filter(std::size_t depth) {
    if (depth == 0 || !chance(3)) return {random_condition()};
    Logic tree{chance(2), chance(3), {}};
    for (std::size_t n = 1 + below(3); n > 0; --n) tree.children.push_back(filter(depth - 1));
    return {std::make_shared<const Logic>(std::move(tree))};
  }

  // Text. What could be read as something else is quoted, the rest at random.

  static bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  }
  static bool is_plain(const std::string& s) {
    return !s.empty() && std::all_of(s.begin(), s.end(), [](char c) { return is_plain(c); });
  }
  std::string in_quotes(const std::string& s) {
    std::string result = "\"";
    for (const char c : s) {
      if (c == '"' || c == '\\' || (is_plain(c) && chance(20))) result += '\\';
      result += c;
    }
    return result + '"';
  }
  static bool is_reserved(const std::string& s) {
    for (const char* reserved : {"select", "order", "limit", "after", "and", "or"})
      if (s == reserved) return true;
    return false;
  }
  std::string name_text(const std::string& s) { return is_plain(s) && chance(2) ? s : in_quotes(s); }

  std::string text(const Field& f, bool is_key = false) {
    std::string result = is_key && is_reserved(f.column) ? in_quotes(f.column) : name_text(f.column);
    for (const JsonStep& step : f.path) {
      result += step.as_text ? "->>" : "->";
      if (const auto* index = std::get_if<std::int32_t>(&step.to))
        result += std::to_string(*index);
      else if (const auto& k = std::get<std::string>(step.to); k == "0")
        result += in_quotes(k);
      else
        result += name_text(k);
    }
    return result;
  }

  std::string text(const SelectItem& item) {
    if (item.star) return "*";
    return (item.alias ? name_text(*item.alias) + ":" : "") + text(item.field) +
           (item.cast ? "::" + *item.cast : "");
  }

  std::string text(const OrderTerm& term) {
    std::string result = text(term.field);
    result += term.descending ? ".desc" : chance(2) ? ".asc" : "";
    if (term.nulls_first) result += *term.nulls_first ? ".nullsfirst" : ".nullslast";
    return result;
  }

  std::string operator_of(const Logic& tree) {
    return std::string(tree.negated ? "not." : "") + (tree.disjunction ? "or" : "and");
  }
  std::string children(const Logic& tree) {
    return "(" +
           list(tree.children,
                [&](const Filter& f) {
                  if (const auto* c = std::get_if<Condition>(&f.node))
                    return text(c->field) + "." + comparison(*c, true);
                  const Logic& nested = *std::get<std::shared_ptr<const Logic>>(f.node);
                  return operator_of(nested) + children(nested);
                }) +
           ")";
  }

  std::string comparison(const Condition& c, bool in_tree) {
    static constexpr std::array operator_names = {
        "eq",     "neq", "gt",  "gte",        "lt",    "lte",   "like", "ilike", "match",
        "imatch", "in",  "is",  "isdistinct", "cs",    "cd",    "ov",   "sl",    "sr",
        "nxr",    "nxl", "adj", "fts",        "plfts", "phfts", "wfts"};
    static constexpr std::array is_names = {"null", "not_null", "TRUE", "false", "Unknown"};
    std::string result = c.negated ? "not." : "";
    result += operator_names.at(static_cast<std::size_t>(c.op));
    if (c.quantifier != Quantifier::none) result += c.quantifier == Quantifier::any ? "(any)" : "(all)";
    if (c.language) result += "(" + *c.language + ")";
    result += ".";
    if (c.op == Operator::is) return result + is_names.at(static_cast<std::size_t>(c.is_value));
    if (c.op == Operator::in)
      return result + "(" + list(c.list, [&](const auto& v) { return item(v); }) + ")";
    std::string v = c.value;
    if (c.op == Operator::like || c.op == Operator::ilike)
      for (char& ch : v)
        if (ch == '%' && chance(2)) ch = '*';
    return result + (in_tree ? item(v) : v);
  }
  std::string item(const std::string& v) { return is_plain(v) && chance(2) ? v : in_quotes(v); }

  template <class Items, class Text>
  static std::string list(const Items& items, Text text_of, char separator = ',') {
    std::string result;
    bool first = true;
    for (const auto& i : items) {
      if (!std::exchange(first, false)) result += separator;
      result += text_of(i);
    }
    return result;
  }

  std::string encoded(const std::string& s) {
    static constexpr char digits[] = "0123456789abcdefABCDEF";
    std::string result;
    for (const char c : s) {
      const auto byte = static_cast<unsigned char>(c);
      if (c == ' ' && chance(2)) {
        result += '+';
      } else if (std::string_view("%&=+#").find(c) != std::string_view::npos || chance(8)) {
        const auto digit = [&](unsigned v) { return digits[v >= 10 && chance(2) ? v + 6 : v]; };
        result += {'%', digit(byte >> 4), digit(byte & 15u)};
      } else {
        result += c;
      }
    }
    return result;
  }

  std::mt19937_64 random_;
};

}  // namespace

TEST_CASE("a query written as text is read back as the same query") {
  for (std::uint64_t seed = 1; seed <= 20'000; ++seed) {
    QueryGenerator generator(seed);
    const Query query = generator.query();
    const std::string text = generator.text(query);
    const auto read = parse(text);
    const std::string problem = read.has_error() ? read.error().message : "";
    if (read.has_value() && *read == query) continue;
    CAPTURE(seed);
    CAPTURE(text);
    CAPTURE(problem);
    REQUIRE(read.has_value());
    FAIL("read back differently");
  }
}

TEST_CASE("any bytes give a query or an error that has its four members") {
  std::size_t queries = 0, errors = 0;
  const auto check = [&](const std::string& text, std::uint64_t seed) {
    const auto result = parse(text);
    if (result.has_value()) {
      ++queries;
      return;
    }
    ++errors;
    const Error& error = result.error();
    const bool known = error.code == "PGRST100" || error.code == "PGRST103" || error.code == "SHARD400";
    const bool has_members = known && error.details;
    const bool names_embed = error.code == "PGRST108" && error.hint;
    if ((has_members || names_embed) && !error.message.empty()) return;
    CAPTURE(seed);
    FAIL("an error without a known code, a message, or details or a hint");
  };
  for (std::uint64_t seed = 1; seed <= 20'000; ++seed) {
    QueryGenerator generator(seed);
    std::string mutated = generator.text(generator.query());
    static constexpr std::string_view grammar =
        "().,:*\"\\->{}%&=+!~ \t\n\0\xff\xc3"
        "aeq019";
    for (std::size_t n = 1 + generator.below(2); n > 0; --n) {
      const std::size_t at_byte = generator.below(mutated.size() + 1);
      const char byte = generator.chance(5) ? static_cast<char>(generator.below(256))
                                            : grammar[generator.below(grammar.size())];
      switch (generator.below(4)) {
        case 0:
          mutated.insert(at_byte, 1, byte);
          break;
        case 1:
          mutated.erase(at_byte, 1 + generator.below(3));
          break;
        case 2:
          mutated.insert(at_byte, mutated.substr(0, generator.below(10)));
          break;
        default:
          if (at_byte < mutated.size()) mutated[at_byte] = byte;
      }
    }
    check(mutated, seed);
    std::string random;
    for (std::size_t n = generator.below(60); n > 0; --n)
      random.push_back(generator.chance(2) ? grammar[generator.below(grammar.size())]
                                           : static_cast<char>(generator.below(256)));
    check(random, seed);
    check("or=(" + random, seed);
    check("select=" + random, seed);
  }
  CHECK(queries > 3'000);
  CHECK(errors > 5'000);
}

TEST_CASE("any bytes in Prefer, Accept and Range give a value or an error") {
  static constexpr std::string_view bytes = "return=count=exact,;q=0.1*/-0123456789 \t\xff\0application/json";
  for (std::uint64_t seed = 1; seed <= 5'000; ++seed) {
    QueryGenerator generator(seed);
    std::string header;
    for (std::size_t n = generator.below(40); n > 0; --n)
      header.push_back(bytes[generator.below(bytes.size())]);
    CAPTURE(seed);
    const auto prefer = parse_prefer(header);
    CHECK((prefer.has_value() || !prefer.error().message.empty()));
    const auto accept = parse_accept(header);
    CHECK((accept.has_value() || accept.error().code == "PGRST107"));
    Query query = generator.query();
    const auto range = apply_range_header(query, header);
    CHECK((range.has_value() || range.error().code == "PGRST103"));
  }
}
