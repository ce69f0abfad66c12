#include "query/resolve/find_function.hpp"

#include <doctest/doctest.h>

#include "tests/query/functions.hpp"

using namespace shardplex;
using namespace shardplex::fixtures;

namespace {

const FunctionArgument a = argument("a", "integer", "int4"), b = argument("b", "text", "text"),
                       c = argument("c", "integer", "int4", true);

Catalogue catalogue_of(std::vector<Function> functions) {
  Catalogue catalogue;
  for (auto& each : functions) {
    const std::string name = each.name;
    catalogue.functions[name].push_back(std::move(each));
  }
  return catalogue;
}

CallKey get(std::string name, std::vector<std::string> arguments) {
  return {std::move(name), std::move(arguments), false, MediaKind::json};
}
CallKey post(std::string name, std::vector<std::string> arguments, MediaKind content = MediaKind::json) {
  return {std::move(name), std::move(arguments), true, content};
}

/// The signature of the function that is found, or the error's code.
std::string found(const CallKey& key, const Catalogue& catalogue) {
  const auto function = find_function(key, catalogue);
  return function ? (*function)->signature() : function.error().code;
}

Error refusal(const CallKey& key, const Catalogue& catalogue) {
  const auto function = find_function(key, catalogue);
  REQUIRE_FALSE(function.has_value());
  return function.error();
}

}  // namespace

TEST_CASE("a call gives all arguments without a default, and no others") {
  const auto catalogue = catalogue_of({function("f", {a, b, c}), function("none"), function("maybe", {c})});
  CHECK(found(get("f", {"b", "a"}), catalogue) == "f(a integer, b text, c integer default)");
  CHECK(found(get("f", {"c", "b", "a"}), catalogue) == "f(a integer, b text, c integer default)");
  CHECK(found(get("f", {"a", "c"}), catalogue) == "PGRST202");
  CHECK(found(get("f", {"a", "b", "d"}), catalogue) == "PGRST202");
  CHECK(found(get("none", {}), catalogue) == "none()");
  CHECK(found(get("none", {"a"}), catalogue) == "PGRST202");
  CHECK(found(get("maybe", {}), catalogue) == "maybe(c integer default)");
  CHECK(found(get("maybe", {"c"}), catalogue) == "maybe(c integer default)");
  CHECK(found(post("none", {}, MediaKind::text), catalogue) == "PGRST202");
}

TEST_CASE("messages name the schema in which a function was looked for") {
  auto catalogue = catalogue_of({function("f", {a}), function("same", {a}), function("same", {a})});
  for (auto& [name, functions] : catalogue.functions)
    for (auto& each : functions) each.schema = "catalog";
  catalogue.undeclared_functions = {"other"};
  const auto call = [](std::string name, std::vector<std::string> arguments) {
    auto key = get(std::move(name), std::move(arguments));
    key.schema = "catalog";
    return key;
  };
  const auto none = refusal(call("sames", {}), catalogue);
  CHECK(none.message.find("the function catalog.sames without parameters") != std::string::npos);
  CHECK(none.hint == "Perhaps you meant to call the function catalog.same");
  CHECK(refusal(call("same", {"a"}), catalogue).message.find("catalog.same(a => integer)") !=
        std::string::npos);
  CHECK(refusal(call("other", {}), catalogue).hint->find("functions: { catalog.other: any }") !=
        std::string::npos);
}

TEST_CASE("of functions of one name the names of the arguments choose one, or else none can be chosen") {
  const auto catalogue = catalogue_of({function("f", {a}), function("f", {a, b}),
                                       function("f", {argument("b", "integer", "int4")}),
                                       function("f", {argument("b", "text", "text")})});
  CHECK(found(get("f", {"a"}), catalogue) == "f(a integer)");
  CHECK(found(get("f", {"a", "b"}), catalogue) == "f(a integer, b text)");
  const auto ambiguous = refusal(get("f", {"b"}), catalogue);
  CHECK(ambiguous.code == "PGRST203");
  CHECK(http_status(ambiguous) == 300);
  CHECK(ambiguous.message ==
        "Could not choose the best candidate function between: public.f(b => integer), public.f(b => text)");
}

TEST_CASE("a body is the argument that has no name, where its type is the body's") {
  const auto unnamed = [](const std::string& type) { return argument("", type, type); };
  const auto catalogue = catalogue_of(
      {function("f", {unnamed("json")}), function("f", {a}), function("t", {unnamed("text")}),
       function("x", {unnamed("xml")}), function("bytes", {unnamed("bytea")}),
       function("number", {unnamed("int4")}), function("two", {unnamed("json"), unnamed("json")}),
       function("mixed", {b, unnamed("json")})});
  CHECK(found(post("f", {"z"}), catalogue) == "f(json)");
  CHECK(found(post("f", {}), catalogue) == "f(json)");
  CHECK(found(post("f", {"a"}), catalogue) == "f(a integer)");
  CHECK(found(get("f", {}), catalogue) == "PGRST202");
  CHECK(found(post("t", {}, MediaKind::text), catalogue) == "t(text)");
  CHECK(found(post("x", {}, MediaKind::xml), catalogue) == "x(xml)");
  CHECK(found(post("bytes", {}, MediaKind::octet_stream), catalogue) == "bytes(bytea)");
  CHECK(found(post("bytes", {}, MediaKind::text), catalogue) == "PGRST202");
  CHECK(found(post("t", {}), catalogue) == "PGRST202");
  CHECK(found(post("t", {""}, MediaKind::form), catalogue) == "PGRST202");
  CHECK(found(post("f", {""}), catalogue) == "f(json)");
  CHECK(found(post("number", {}), catalogue) == "PGRST202");
  CHECK(found(post("two", {}), catalogue) == "PGRST202");
  CHECK(found(post("mixed", {"b"}), catalogue) == "PGRST202");
  CHECK(found(post("mixed", {"b", ""}), catalogue) == "PGRST202");
}

TEST_CASE("a function that is not there is named in PostgREST's words, with the one that is meant") {
  const auto catalogue = catalogue_of({function("films_of", {a, b})});
  const auto unknown = refusal(get("film_of", {}), catalogue);
  CHECK(unknown.message ==
        "Could not find the function public.film_of without parameters in the schema cache");
  CHECK(unknown.details ==
        "Searched for the function public.film_of without parameters, but no matches were found in the "
        "schema cache.");
  CHECK(unknown.hint == "Perhaps you meant to call the function public.films_of");
  CHECK(http_status(unknown) == 404);
  CHECK_FALSE(refusal(get("nothing_like_it", {}), catalogue).hint.has_value());
  const auto arguments = refusal(get("films_of", {"b", "aa"}), catalogue);
  CHECK(arguments.message == "Could not find the function public.films_of(aa, b) in the schema cache");
  CHECK(arguments.hint == "Perhaps you meant to call the function public.films_of(a, b)");
  CHECK(refusal(post("films_of", {"a"}), catalogue).details ==
        "Searched for the function public.films_of with parameter a or with a single unnamed json/jsonb "
        "parameter, "
        "but no matches were found in the schema cache.");
  const auto raw = refusal(post("films_of", {}, MediaKind::octet_stream), catalogue);
  CHECK(raw.message == "Could not find the function public.films_of in the schema cache");
  CHECK(raw.details->find("with a single unnamed bytea parameter,") != std::string::npos);
  CHECK_FALSE(raw.hint.has_value());
}

TEST_CASE("of functions of the name the one with the most similar arguments is meant") {
  const auto text = [](const std::string& name) { return argument(name, "text", "text"); };
  const auto catalogue =
      catalogue_of({function("add_them", {a, b}), function("overloaded", {}), function("overloaded", {a, b}),
                    function("overloaded", {text("a"), text("b"), text("c")}),
                    function("unnamed_text_param", {argument("", "text", "text")}),
                    function("unnamed_int_param", {argument("", "integer", "int4")})});
  CHECK(refusal(get("add_them", {"a", "b", "smthelse"}), catalogue).hint ==
        "Perhaps you meant to call the function public.add_them(a, b)");
  CHECK(refusal(get("overloaded", {"a", "b", "wrong_arg"}), catalogue).hint ==
        "Perhaps you meant to call the function public.overloaded(a, b, c)");
  CHECK_FALSE(refusal(get("overloaded", {"wrong_arg"}), catalogue).hint.has_value());
  // What cannot be called is not there.
  CHECK(refusal(post("unnamed_int_param", {"x", "y"}), catalogue).hint ==
        "Perhaps you meant to call the function public.unnamed_text_param");
}

TEST_CASE(
    "a function that the map or the shards keep from being called is told apart from one that is not there") {
  Catalogue catalogue;
  catalogue.refused_functions["f"] = "f() is on alpha and not on beta";
  catalogue.undeclared_functions = {"g"};
  const auto refused = refusal(get("f", {}), catalogue);
  CHECK(refused.code == "SHARD503");
  CHECK(refused.details == "f() is on alpha and not on beta");
  const auto undeclared = refusal(get("g", {}), catalogue);
  CHECK(undeclared.code == "SHARD400");
  CHECK(undeclared.hint->find("functions: { g: any }") != std::string::npos);
}
