#include "shard_schema/view_definition.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>

using namespace shardplex;

namespace {

constexpr int view = 99, movies = 1, ratings = 2, equals = 410;

const DefinitionNames names{{{movies, {"movies", {"id", "name", "shardplex_slot"}}},
                             {ratings, {"ratings", {"movie_id", "score", "shardplex_slot"}}}},
                            view,
                            {equals}};

// ---- Trees as PostgreSQL writes them, without the fields that nobody reads.

std::string text(int number) {
  return std::to_string(number);
}

std::string stored(int relation) {
  return "{RANGETBLENTRY :rtekind 0 :relid " + text(relation) + " :relkind r :tablesample <>}";
}

std::string column(int relation, int number, int levels_up = 0) {
  return "{VAR :varno " + text(relation) + " :varattno " + text(number) + " :varlevelsup " + text(levels_up) +
         '}';
}

std::string operation(int oid, const std::string& left, const std::string& right) {
  return "{OPEXPR :opno " + text(oid) + " :opfuncid 467 :args (" + left + ' ' + right + ")}";
}

std::string relabelled(int type, const std::string& what) {
  return "{RELABELTYPE :arg " + what + " :resulttype " + text(type) + '}';
}

std::string nth(int relation) {
  return "{RANGETBLREF :rtindex " + text(relation) + '}';
}

std::string target(int number, const std::string& what, int reference = 0, bool is_junk = false) {
  return "{TARGETENTRY :expr " + what + " :resno " + text(number) + " :ressortgroupref " + text(reference) +
         " :resjunk " + (is_junk ? "true}" : "false}");
}

using Fields = std::map<std::string, std::string>;

/// SELECT id, shardplex_slot FROM movies, with these fields in the place of its own; a field that is "" is
/// left out.
std::string query(Fields changed = {}) {
  Fields fields{{"commandType", "1"},
                {"hasAggs", "false"},
                {"hasWindowFuncs", "false"},
                {"hasTargetSRFs", "false"},
                {"hasDistinctOn", "false"},
                {"hasModifyingCTE", "false"},
                {"hasForUpdate", "false"},
                {"cteList", "<>"},
                {"rtable", '(' + stored(movies) + ')'},
                {"jointree", "{FROMEXPR :fromlist (" + nth(1) + ") :quals <>}"},
                {"targetList", '(' + target(1, column(1, 1)) + target(2, column(1, 3)) + ')'},
                {"groupClause", "<>"},
                {"groupingSets", "<>"},
                {"havingQual", "<>"},
                {"windowClause", "<>"},
                {"distinctClause", "<>"},
                {"limitOffset", "<>"},
                {"limitCount", "<>"},
                {"rowMarks", "<>"},
                {"setOperations", "<>"}};
  for (auto& [name, value] : changed) fields[name] = std::move(value);
  std::string all = "{QUERY";
  for (const auto& [name, value] : fields)
    if (!value.empty()) all += " :" + name + ' ' + value;
  return all + '}';
}

std::optional<ViewQuery> read(Fields changed = {}) {
  return read_definition('(' + query(std::move(changed)) + ')', names);
}

/// FROM and WHERE over movies and ratings.
ViewQuery read_from(const std::string& from, const std::string& where = "<>") {
  return read({{"rtable", '(' + stored(movies) + stored(ratings) + ')'},
               {"jointree", "{FROMEXPR :fromlist (" + from + ") :quals " + where + '}'}})
      .value();
}

std::string join(int type, const std::string& condition) {
  return "{JOINEXPR :jointype " + text(type) + " :larg " + nth(1) + " :rarg " + nth(2) + " :quals " +
         condition + '}';
}

std::string subquery(const std::string& what) {
  return "{SUBLINK :testexpr <> :subselect " + what + '}';
}

const std::string same_movie = operation(equals, column(1, 1), column(2, 1));

}  // namespace

TEST_CASE("a definition has its relations and its columns") {
  const auto plain = read().value();
  REQUIRE(plain.relations.size() == 1);
  CHECK(plain.relations[0].kind == ViewRelation::Kind::stored);
  CHECK(plain.relations[0].name == "movies");
  CHECK(plain.relations[0].columns.size() == 3);
  CHECK(plain.from == ViewFrom{ViewFrom::Kind::inner, 0, {{ViewFrom::Kind::relation, 1}}});
  CHECK(plain.columns == std::vector<std::optional<ViewColumn>>{ViewColumn{0, 1, 1}, ViewColumn{0, 1, 3}});
  CHECK_FALSE(plain.is_grouped);
  CHECK(plain.across_rows.empty());
  CHECK(plain.never.empty());
}

TEST_CASE("columns that are worked out, and whole rows, are no columns; junk is none that is given") {
  const auto given =
      read({{"targetList", '(' + target(1, operation(551, column(1, 1), column(1, 1))) +
                               target(2, column(1, 0)) + target(3, relabelled(25, column(1, 2))) +
                               target(4, relabelled(1042, column(1, 2))) + target(5, column(1, 2), 1, true) +
                               ')'}})
          .value();
  CHECK(given.columns == std::vector<std::optional<ViewColumn>>{std::nullopt, std::nullopt,
                                                                ViewColumn{0, 1, 2}, std::nullopt});
}

TEST_CASE("joins are of their kind, and a right one is a left one the other way round") {
  const ViewFrom first{ViewFrom::Kind::relation, 1}, second{ViewFrom::Kind::relation, 2};
  const std::vector<ViewEquality> by_movie{{{0, 1, 1}, {0, 2, 1}}};
  const auto as = [&](int type) { return read_from(join(type, same_movie)).from.parts.at(0); };
  CHECK(as(0) == ViewFrom{ViewFrom::Kind::inner, 0, {first, second}, by_movie});
  CHECK(as(1) == ViewFrom{ViewFrom::Kind::left, 0, {first, second}, by_movie});
  CHECK(as(2) == ViewFrom{ViewFrom::Kind::full, 0, {first, second}, by_movie});
  CHECK(as(3) == ViewFrom{ViewFrom::Kind::left, 0, {second, first}, by_movie});
  CHECK_FALSE(read({{"jointree", "{FROMEXPR :fromlist (" + join(4, "<>") + ") :quals <>}"}}));
  CHECK_FALSE(read({{"jointree", "{FROMEXPR :fromlist ({OTHER :rtindex 1}) :quals <>}"}}));
}

TEST_CASE("of a condition the equalities of columns that have to hold are known") {
  const auto where = [](const std::string& condition) {
    return read_from(nth(1) + nth(2), condition).from.equalities.size();
  };
  const auto logic = [](const std::string& how, const std::string& parts) {
    return "{BOOLEXPR :boolop " + how + " :args (" + parts + ")}";
  };
  const auto greater = operation(413, column(1, 1), column(2, 1));
  CHECK(where(same_movie) == 1);
  CHECK(where(greater) == 0);
  CHECK(where(logic("and", same_movie + greater + same_movie)) == 2);
  CHECK(where(logic("and", logic("and", same_movie))) == 1);
  CHECK(where(logic("or", same_movie + greater)) == 0);
  CHECK(where(logic("not", same_movie)) == 0);
  CHECK(where(operation(equals, column(1, 1), "{CONST :constvalue 8 [ 1 0 0 0 0 0 0 0 ]}")) == 0);
  // char(n) is equal to more than its text is.
  CHECK(where(operation(equals, relabelled(25, column(1, 1)), column(2, 1))) == 1);
  CHECK(where(operation(equals, relabelled(1042, column(1, 1)), column(2, 1))) == 0);
}

TEST_CASE("a column of a join is that of its side") {
  const std::string entry = "{RANGETBLENTRY :rtekind 2 :joinaliasvars (" + column(2, 1) +
                            "{COALESCE :args <>}" + column(3, 3) + ")}";
  const auto given = read({{"rtable", '(' + stored(movies) + stored(ratings) + entry + ')'},
                           {"targetList", '(' + target(1, column(3, 1)) + target(2, column(3, 2)) +
                                              target(3, column(3, 3)) + target(4, column(3, 4)) + ')'}})
                         .value();
  CHECK(given.columns == std::vector<std::optional<ViewColumn>>{ViewColumn{0, 2, 1}, std::nullopt,
                                                                std::nullopt, std::nullopt});
}

TEST_CASE("what a definition does with more than a row is noted") {
  using Notes = std::vector<std::string>;
  CHECK(read({{"limitCount", "{CONST :constvalue 8 [ 5 ]}"}})->across_rows ==
        Notes{"LIMIT, OFFSET or FETCH"});
  CHECK(read({{"limitOffset", "{CONST :constvalue 8 [ 5 ]}"}})->across_rows ==
        Notes{"LIMIT, OFFSET or FETCH"});
  CHECK(read({{"hasWindowFuncs", "true"}})->across_rows == Notes{"a window function"});
  CHECK(read({{"hasDistinctOn", "true"}})->across_rows == Notes{"DISTINCT ON"});
  CHECK(read({{"groupingSets", "({GROUPINGSET :kind 0})"}})->across_rows ==
        Notes{"GROUPING SETS, ROLLUP or CUBE"});
  CHECK(read({{"hasForUpdate", "true"}})->never == Notes{"FOR UPDATE or FOR SHARE"});
  CHECK(read({{"hasModifyingCTE", "true"}})->never == Notes{"a change of rows"});
  CHECK(read({{"commandType", "3"}})->never == Notes{"a change of rows"});
  CHECK(read({{"havingQual", column(1, -1)}})->never == Notes{"a system column such as ctid"});
  CHECK(read({{"rtable", "({RANGETBLENTRY :rtekind 0 :relid 1 :tablesample {TABLESAMPLECLAUSE :args <>}})"}})
            ->never == Notes{"TABLESAMPLE"});
  CHECK(read({{"hasAggs", "true"}})->is_grouped);
  CHECK(read({{"havingQual", "{CONST :isnull true}"}})->is_grouped);
  CHECK(read({{"setOperations", "{SETOPERATIONSTMT :op 1}"}})->is_combined);
  const std::string by_second = "({SORTGROUPCLAUSE :tleSortGroupRef 7})";
  CHECK(read({{"distinctClause", by_second}})->is_distinct);
  CHECK_FALSE(read({{"distinctClause", by_second}, {"hasDistinctOn", "true"}})->is_distinct);
  const auto grouped =
      read({{"groupClause", by_second},
            {"targetList", '(' + target(1, column(1, 1)) + target(2, column(1, 3), 7) + ')'}});
  CHECK(grouped->is_grouped);
  CHECK(grouped->grouped_by == std::vector{ViewColumn{0, 1, 3}});
  CHECK_FALSE(grouped->groups_otherwise);
  const auto by_result =
      read({{"groupClause", by_second},
            {"targetList", '(' + target(1, operation(551, column(1, 1), column(1, 1)), 7) + ')'}});
  CHECK(by_result->grouped_by.empty());
  CHECK(by_result->groups_otherwise);
}

TEST_CASE("a definition by which a row of FROM can be in several rows is told from others") {
  CHECK_FALSE(read()->repeats_rows);
  CHECK(read({{"hasTargetSRFs", "true"}})->repeats_rows);
  CHECK(read({{"groupingSets", "({GROUPINGSET :kind 0})"}})->repeats_rows);
  const auto entry = [](const std::string& lateral) {
    const auto below = "{RANGETBLENTRY :rtekind 1 :subquery " + query() + " :lateral " + lateral + '}';
    return read({{"rtable", '(' + below + ')'}})->repeats_rows;
  };
  CHECK(entry("true"));
  CHECK_FALSE(entry("false"));
}

TEST_CASE("columns are of those that PostgreSQL has noted") {
  const auto entry = [](int number, int relation, int column_number, bool is_junk = false) {
    return "{TARGETENTRY :expr {CONST} :resno " + text(number) + " :ressortgroupref 0 :resorigtbl " +
           text(relation) + " :resorigcol " + text(column_number) +
           (is_junk ? " :resjunk true}" : " :resjunk false}");
  };
  const auto origins = [](const std::string& entries) {
    return read_origins('(' + query({{"targetList", '(' + entries + ')'}}) + ')', names);
  };
  using Origins = std::vector<std::optional<StoredColumn>>;
  CHECK(origins(entry(1, movies, 2) + entry(2, ratings, 1) + entry(3, 0, 0)) ==
        Origins{StoredColumn{"movies", "name"}, StoredColumn{"ratings", "movie_id"}, std::nullopt});
  // Junk is no column; a whole row, a relation or a column that nobody knows is none that is shown.
  CHECK(origins(entry(1, movies, 0) + entry(2, 77, 1) + entry(3, movies, 9) + entry(4, movies, 1, true)) ==
        Origins{std::nullopt, std::nullopt, std::nullopt});
  CHECK(origins(entry(2, movies, 1)).empty());
  CHECK(origins(target(1, column(1, 1))).empty());
  CHECK(read_origins("", names).empty());
  CHECK(read_origins("({OTHER :targetList <>})", names).empty());
  CHECK(read_origins('(' + query() + query() + ')', names).empty());
}

TEST_CASE("queries inside a definition are known by their place") {
  const auto inner = query({{"targetList", '(' + target(1, column(1, 2, 1)) + ')'}});
  const auto selected = read({{"targetList", '(' + target(1, subquery(inner)) + ')'}}).value();
  REQUIRE(selected.subqueries.size() == 1);
  CHECK(selected.subqueries[0].columns.at(0) == ViewColumn{1, 1, 2});
  CHECK(read({{"havingQual", subquery(inner)}})->subqueries.size() == 1);
  CHECK(read_from(nth(1), subquery(inner)).subqueries.size() == 1);
  CHECK(read_from(join(0, subquery(inner))).elsewhere.size() == 1);
  CHECK(read({{"cteList", "({COMMONTABLEEXPR :ctename w :ctequery " + query() + "})"}})->elsewhere.size() ==
        1);
  CHECK(read({{"limitCount", subquery(query())}})->elsewhere.size() == 1);
  const auto in_from =
      read({{"rtable", "({RANGETBLENTRY :rtekind 1 :subquery " + query() + " :lateral false})"}}).value();
  CHECK(in_from.relations.at(0).kind == ViewRelation::Kind::query);
  CHECK(in_from.relations.at(0).query.size() == 1);
  const auto of_function =
      read({{"rtable", "({RANGETBLENTRY :rtekind 3 :functions (" + subquery(query()) + ")})"}}).value();
  CHECK(of_function.relations.at(0).kind == ViewRelation::Kind::rows);
  CHECK(of_function.elsewhere.size() == 1);
  // At a place that nobody looks at.
  CHECK_FALSE(read({{"returningList", '(' + subquery(query()) + ')'}}));
}

TEST_CASE("the view itself is no source of rows, and a relation that nobody knows is told as one") {
  const auto entries = read({{"rtable", '(' + stored(view) + stored(77) + "{RANGETBLENTRY :rtekind 7}" +
                                            "{RANGETBLENTRY :rtekind 6}" + stored(movies) + ')'}})
                           .value()
                           .relations;
  using Kind = ViewRelation::Kind;
  CHECK(entries[0].kind == Kind::unnamed);
  CHECK(entries[1].kind == Kind::not_known);
  CHECK(entries[2].kind == Kind::not_known);
  CHECK(entries[3].kind == Kind::of_with);
  CHECK(entries[4].kind == Kind::stored);
}

TEST_CASE("a definition without a field that is needed is not read") {
  for (const char* name :
       {"commandType",     "hasAggs",      "hasWindowFuncs", "hasTargetSRFs", "hasDistinctOn",
        "hasModifyingCTE", "hasForUpdate", "cteList",        "rtable",        "jointree",
        "targetList",      "groupClause",  "groupingSets",   "havingQual",    "windowClause",
        "distinctClause",  "limitOffset",  "limitCount",     "rowMarks",      "setOperations"}) {
    CAPTURE(std::string(name));
    CHECK_FALSE(read({{name, ""}}));
  }
  CHECK_FALSE(read_definition("", names));
  CHECK_FALSE(read_definition("({OTHER})", names));
  CHECK_FALSE(read_definition('(' + query() + query() + ')', names));
  CHECK_FALSE(read({{"targetList", '(' + target(2, column(1, 1)) + ')'}}));
  CHECK_FALSE(read({{"targetList", '(' + target(1, column(5, 1)) + ')'}}));
}
