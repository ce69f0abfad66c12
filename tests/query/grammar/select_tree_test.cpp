#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "query/grammar/parse.hpp"

using namespace shardplex;

namespace {

SelectItem column(std::string name) {
  return {false, {std::move(name), {}}, {}, {}};
}
SelectItem star() {
  return {true, {}, {}, {}};
}
SelectItem count_of_rows() {
  return {true, {}, {}, {}, Aggregate{}};
}

Embed embed(std::string relation, std::vector<SelectItem> select = {}, std::vector<Embed> embeds = {}) {
  Embed made;
  made.relation = std::move(relation);
  made.rows.select = std::move(select);
  made.rows.embeds = std::move(embeds);
  return made;
}
Embed aliased(std::string alias, Embed made) {
  made.alias = std::move(alias);
  return made;
}
Embed hinted(Embed made, std::string hint) {
  made.hint = std::move(hint);
  return made;
}
Embed inner(Embed made) {
  made.inner = true;
  return made;
}
Embed spread(Embed made) {
  made.spread = true;
  return made;
}

Query parsed(std::string_view text, const ParseLimits& limits = {}) {
  CAPTURE(text);
  const auto query = parse_query("films", text, limits);
  const std::string problem = query ? "" : query.error().message + ": " + query.error().details.value_or("");
  CAPTURE(problem);
  REQUIRE(query.has_value());
  return *query;
}

Error refused(std::string_view text, const ParseLimits& limits = {}) {
  CAPTURE(text);
  const auto query = parse_query("films", text, limits);
  REQUIRE(query.has_error());
  return query.error();
}

struct SelectRow {
  const char* text;
  std::vector<SelectItem> select;
  std::vector<Embed> embeds;
};

void check_selects(const std::vector<SelectRow>& rows) {
  for (const auto& row : rows) {
    CAPTURE(row.text);
    const Query query = parsed("select=" + std::string(row.text));
    CHECK(query.select == row.select);
    CHECK(query.embeds == row.embeds);
  }
}

}  // namespace

TEST_CASE("select reads embeds, their aliases, hints, joins and spreads") {
  check_selects({
      {"actors(*)", {}, {embed("actors", {star()})}},
      {"actors()", {}, {embed("actors")}},
      {"id,actors(name),year", {column("id"), column("year")}, {embed("actors", {column("name")})}},
      {"cast:actors(name)", {}, {aliased("cast", embed("actors", {column("name")}))}},
      {"actors!roles(*)", {}, {hinted(embed("actors", {star()}), "roles")}},
      {"actors!inner(*)", {}, {inner(embed("actors", {star()}))}},
      {"actors!left(*)", {}, {embed("actors", {star()})}},
      {"a:actors!roles!inner(*)", {}, {aliased("a", hinted(inner(embed("actors", {star()})), "roles"))}},
      {"a:actors!inner!roles(*)", {}, {aliased("a", hinted(inner(embed("actors", {star()})), "roles"))}},
      {"...directors(name)", {}, {spread(embed("directors", {column("name")}))}},
      {"...d:directors!fk!inner(name)",
       {},
       {spread(aliased("d", hinted(inner(embed("directors", {column("name")})), "fk")))}},
      {"actors(),directors()", {}, {embed("actors"), embed("directors")}},
      {"roles(character,...actors(name,awards(*)))",
       {},
       {embed("roles", {column("character")},
              {spread(embed("actors", {column("name")}, {embed("awards", {star()})}))})}},
  });
}

TEST_CASE("of two hints or two joins of an embed the first counts, and a third is too much") {
  check_selects({
      {"a!x!y()", {}, {hinted(embed("a"), "x")}},
      {"a!left!inner()", {}, {embed("a")}},
      {"a!inner!left()", {}, {inner(embed("a"))}},
  });
  CHECK(refused("select=a!x!inner!y()").code == "PGRST100");
}

TEST_CASE("names of embeds, aliases and hints may stand in quotes, where no word of the grammar is meant") {
  check_selects({
      {"\"the cast\":\"ac.tors\"!\"inner\"(\"a,b\")",
       {},
       {aliased("the cast", hinted(embed("ac.tors", {column("a,b")}), "inner"))}},
      {"\"count\"()", {}, {embed("count")}},
      {"a-b(c-d)", {}, {embed("a-b", {column("c-d")})}},
      {"مو(é)", {}, {embed("مو", {column("é")})}},
  });
}

TEST_CASE("blanks around members, names and brackets mean nothing") {
  check_selects({
      {" id , cast : actors ! inner ( name , ... awards ( ) ) , year ",
       {column("id"), column("year")},
       {aliased("cast", inner(embed("actors", {column("name")}, {spread(embed("awards"))})))}},
      {"actors( )", {}, {embed("actors")}},
      {"* , actors( * )", {star()}, {embed("actors", {star()})}},
  });
}

TEST_CASE("select reads aggregates with casts of what goes in and of what comes out") {
  SelectItem total = column("gross");
  total.aggregate = Aggregate{AggregateFunction::sum, {}};
  SelectItem both = column("data");
  both.field.path = {{true, std::string("tax")}};
  both.alias = "tax";
  both.cast = "numeric";
  both.aggregate = Aggregate{AggregateFunction::avg, "int"};
  SelectItem named_count = count_of_rows();
  named_count.alias = "n";
  named_count.aggregate->cast = "text";
  SelectItem count_of_values = column("count");
  count_of_values.aggregate = Aggregate{AggregateFunction::count, {}};
  check_selects({
      {"gross.sum()", {total}, {}},
      {"tax:data->>tax::numeric.avg()::int", {both}, {}},
      {"genre,count()", {column("genre"), count_of_rows()}, {}},
      {"n:count()::text", {named_count}, {}},
      {"count,count.count()", {column("count"), count_of_values}, {}},
      {"roles(count(),gross.sum())", {}, {embed("roles", {count_of_rows(), total})}},
  });
  const std::pair<const char*, AggregateFunction> functions[] = {{"count", AggregateFunction::count},
                                                                 {"sum", AggregateFunction::sum},
                                                                 {"avg", AggregateFunction::avg},
                                                                 {"max", AggregateFunction::max},
                                                                 {"min", AggregateFunction::min}};
  for (const auto& [name, function] : functions) {
    SelectItem item = column("a");
    item.aggregate = Aggregate{function, {}};
    CHECK(parsed("select=a." + std::string(name) + "()").select == std::vector{item});
    CHECK(output_name(item) == name);
  }
}

TEST_CASE("an index ends a json path in front of a closing bracket, too") {
  const Embed below = parsed("select=roles(data->0)").embeds.at(0);
  CHECK(below.rows.select.at(0).field.path == std::vector{JsonStep{false, 0}});
}

TEST_CASE("what is no tree is PGRST100, and the message points at the place") {
  for (const char* text :
       {"a(",           "a(b",   "a(b,",       "a(b,)",      "a(,b)",     "a(b))",     "a)",
        "a(b)c",        "...a",  "...",        "...a.sum()", "a!",        "a!b",       "a!(b)",
        "a:b:c()",      "a:()",  ":a()",       "a(*x)",      "a->b(c)",   "a::int(c)", "count(",
        "a.sum(b)",     "a.sum", "a.median()", "count()x",   "count()::", "a.sum()::", "a.sum().avg()",
        "a::int::text", "a:*",   "\"a(b)",     "a(b))c(d)"}) {
    CAPTURE(text);
    CHECK(refused("select=" + std::string(text)).code == "PGRST100");
  }
  const auto error = refused("select=id,actors(name,age");
  CHECK(error.message == R"~("failed to parse select parameter (id,actors(name,age)" (line 1, column 19))~");
  CHECK(error.details == R"~(unexpected end of input expecting "," or ")")~");
  CHECK(refused("select=a.summ()").message ==
        R"~("failed to parse select parameter (a.summ())" (line 1, column 2))~");
}

TEST_CASE("each node has the filters, order, limit and offset that name it") {
  const Query query = parsed(
      "year=gt.1990&roles.limit=3&roles.character=eq.Chico&select=id,roles(*,of:actors(name))&"
      "roles.of.name=like.T*&roles.of.order=name.desc&roles.order=character,of(name)&limit=10&"
      "roles.of.offset=2&roles.or=(a.eq.1,b.is.null)&roles.of.not.and=(a.eq.1)&offset=5&roles.of.limit=1");
  CHECK(query.filters == parsed("year=gt.1990").filters);
  CHECK(query.limit == 10);
  CHECK(query.offset == 5);
  CHECK(query.order.empty());

  const ReadNode& roles = query.embeds.at(0).rows;
  CHECK(roles.filters == parsed("character=eq.Chico&or=(a.eq.1,b.is.null)").filters);
  CHECK(roles.limit == 3);
  CHECK(roles.offset == 0);
  REQUIRE(roles.order.size() == 2);
  CHECK(roles.order[1].embed == "of");
  CHECK(roles.order[1].field.column == "name");

  const ReadNode& of = roles.embeds.at(0).rows;
  CHECK(of.filters == parsed("name=like.T*&not.and=(a.eq.1)").filters);
  CHECK(of.order == parsed("order=name.desc").order);
  CHECK(of.limit == 1);
  CHECK(of.offset == 2);
  CHECK(query.named_by_table.empty());
}

TEST_CASE(
    "an embed's repeated order counts the first time, its limit the last, and below zero as at the root") {
  const ReadNode rows =
      parsed("select=a()&a.order=x&a.order=y&a.limit=1&a.limit=7&a.offset=4&a.offset=-2").embeds.at(0).rows;
  CHECK(rows.order == parsed("order=x").order);
  CHECK(rows.limit == 5);
  CHECK(rows.offset == 0);
  CHECK(refused("select=a()&a.limit=-1").code == "PGRST103");
}

TEST_CASE("the parts of an embed's key may stand in quotes, where a reserved word is a name") {
  const Query query = parsed(
      "select=\"a.b\"(),or(),not()&\"a.b\".x=eq.1&or.\"limit\"=eq.2&\"or\".select=eq.3&\"not\".or=(a.eq.1)");
  CHECK(query.embeds[0].rows.filters == parsed("x=eq.1").filters);
  CHECK(query.embeds[1].rows.filters == parsed("\"limit\"=eq.2&\"select\"=eq.3").filters);
  CHECK(query.embeds[2].rows.filters == parsed("or=(a.eq.1)").filters);
  CHECK(query.filters.empty());
}

TEST_CASE(
    "an alias names an embed before a table does, and a table's name is noted where it names an aliased "
    "one") {
  const Query query = parsed("select=a:films(),films:b(),c:b()&films.x=eq.1&b.x=eq.2&b.y=eq.3");
  CHECK(query.embeds[0].rows.filters.empty());
  CHECK(query.embeds[1].rows.filters == parsed("x=eq.1&x=eq.2&y=eq.3").filters);
  CHECK(query.embeds[2].rows.filters.empty());
  CHECK(query.named_by_table == std::vector<std::string>{"b"});
}

TEST_CASE("a parameter or an order about what is not embedded is PGRST108") {
  for (const char* text :
       {"clients.x=eq.1", "clients.limit=1", "clients.offset=1", "clients.order=x", "clients.or=(a.eq.1)",
        "clients.not.and=(a.eq.1)", "order=clients(x)", "order=id,clients(x).desc", "clients.b.c=eq.1",
        "select=a()&a.clients.x=eq.1", "select=a()&a.order=clients(x)", "select=clients&clients.x=eq.1",
        "select=c:clients()&order=clients(x)", "limit.clients.x=eq.1&select=limit()"}) {
    CAPTURE(text);
    const auto error = refused(text);
    CHECK(error.code == "PGRST108");
    CHECK(error.message == "'clients' is not an embedded resource in this request");
    CHECK_FALSE(error.details.has_value());
    CHECK(error.hint == "Verify that 'clients' is included in the 'select' query parameter.");
    CHECK(http_status(error) == 400);
  }
}

TEST_CASE("a condition about null on an embed's name asks for its rows, any other is about a column") {
  const Query query = parsed(
      "select=a(),b:c()&a=is.null&b=not.is.null&c=is.null&a=is.true&a->x=is.null&"
      "a=not.is.not_null&or=(b.not.is.null,a.is.not_null)");
  const auto condition = [&](std::size_t n) { return std::get<Condition>(query.filters[n].node); };
  CHECK(query.embed_of(condition(0)) == &query.embeds[0]);
  CHECK_FALSE(asks_for_rows(condition(0)));
  CHECK(query.embed_of(condition(1)) == &query.embeds[1]);
  CHECK(asks_for_rows(condition(1)));
  for (const std::size_t about_column : {2u, 3u, 4u, 5u})
    CHECK(query.embed_of(condition(about_column)) == nullptr);
  const auto& either = *std::get<std::shared_ptr<const Logic>>(query.filters[6].node);
  CHECK(query.embed_of(std::get<Condition>(either.children[0].node)) == &query.embeds[1]);
  CHECK(query.embed_of(std::get<Condition>(either.children[1].node)) == nullptr);
}

TEST_CASE("of a repeated select the first counts with its embeds") {
  CHECK(parsed("select=a()&select=b()").embeds == std::vector{embed("a")});
  CHECK(parsed("select=a()&select=id").select.empty());
  CHECK(parsed("select=&select=a()").embeds == std::vector{embed("a")});
  CHECK(refused("select=a()&select=b(").code == "PGRST100");
}

TEST_CASE("the number and depth of embeds are bounded, and the bound is named") {
  const ParseLimits limits{.embeds = 3, .embed_depth = 2};
  CHECK(parsed("select=a(b()),c()", limits).embeds.size() == 2);
  CHECK(refused("select=a(b(c()))", limits).details == "Embeds nest at most 2 deep");
  CHECK(refused("select=a(),b(),c(),...d()", limits).details == "A request holds at most 3 embeds");
  CHECK(refused("a.x=eq.1&b.x=eq.1&c.x=eq.1&d.x=eq.1", limits).details ==
        "A request is about at most 3 embeds");
  CHECK(parsed("select=a(b()),c()&a.x=eq.1&a.b.x=eq.1&c.x=eq.1", limits).embeds.size() == 2);
}

TEST_CASE("a million embeds in each other are refused without deep recursion") {
  std::string text = "select=";
  for (int i = 0; i < 1'000'000; ++i) text += "a(";
  CHECK(refused(text).code == "PGRST100");
  std::string key;
  for (int i = 0; i < 100'000; ++i) key += "a.";
  CHECK(refused("select=a(a(a()))&" + key + "b=eq.1").code == "PGRST108");
}

TEST_CASE("of a function's parameters those without an operator are arguments, in their order") {
  const auto call = [](std::string_view text) { return parse_function_call("search", text, {}); };
  const FunctionCall all = call(
                               "a=1&select=id,actors(name)&year=gt.1990&b=x.y&a=2&actors.name=eq.T&c=&d="
                               "equal&limit=3&e=eq(some).1")
                               .value();
  CHECK(all.arguments ==
        std::vector<Argument>{
            {"a", "1"}, {"b", "x.y"}, {"a", "2"}, {"c", ""}, {"d", "equal"}, {"e", "eq(some).1"}});
  CHECK(all.rows.table == "search");
  CHECK(all.rows.filters == parsed("year=gt.1990").filters);
  CHECK(all.rows.embeds.at(0).rows.filters == parsed("name=eq.T").filters);
  CHECK(all.rows.limit == 3);
  for (const char* text : {"a=in.1", "a=is.x", "a=not.5", "a->b=1", "order=", "(a)=1"}) {
    CAPTURE(text);
    CHECK(call(text).error().code == "PGRST100");
  }
  CHECK(call("actors.a=1&select=actors()").error().code == "PGRST100");
  CHECK(refused("a=1").code == "PGRST100");
}

TEST_CASE("arguments and conditions of a function are bounded together") {
  const ParseLimits limits{.filters = 2};
  CHECK(parse_function_call("f", "a=1&b=eq.2", limits).has_value());
  for (const char* text : {"a=1&b=2&c=3", "a=1&b=eq.2&c=eq.3", "a=eq.1&b=eq.2&c=3"})
    CHECK(parse_function_call("f", text, limits).error().details == "A request holds at most 2 conditions");
}
