#include "shard_schema/node_tree.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace shardplex;

TEST_CASE("a tree has words, lists and objects with fields") {
  const auto tree =
      parse_node_tree("({QUERY :hasAggs true :rtable ({RTE :relid 16384}) :limit <>}\n(i 1 2))");
  REQUIRE(tree.items.size() == 2);
  const auto& query = tree.items[0];
  CHECK(query.is("QUERY"));
  CHECK_FALSE(query.is("RTE"));
  CHECK(query.flag("hasAggs"));
  CHECK(query.list("rtable").at(0).number("relid") == 16384);
  CHECK(query.field("limit").is_nothing());
  CHECK(query.list("limit").empty());
  CHECK(tree.items[1].items.size() == 3);
  std::size_t nodes = 0;
  tree.for_each([&](const TreeNode&) { ++nodes; });
  CHECK(nodes == 11);
}

TEST_CASE("the bytes of a constant are passed over") {
  const auto constant = parse_node_tree("{CONST :constvalue 4 [ 1 0 0 -1 ] :isnull false}");
  CHECK(constant.number("constvalue") == 4);
  CHECK_FALSE(constant.flag("isnull"));
}

TEST_CASE("a name that a user gave is not taken for a field") {
  const auto entry =
      parse_node_tree("{TARGETENTRY :resname :resno :resno 1 :colnames (\"a\\ \\{b\" \":c\")}");
  CHECK(entry.field("resname").text == ":resno");
  CHECK(entry.number("resno") == 1);
  CHECK(entry.list("colnames").size() == 2);
}

TEST_CASE("what is no tree, or not what is asked for, is told") {
  for (const char* text : {"", "(", ")", "{", "}", "{A :b", "{A :b}", "{A b c}", "{A : c}", "(a) b",
                           "{A :b 1 [ 2", "{A :b 1 [ 2 (3) ]}"})
    CHECK_THROWS_AS(parse_node_tree(text), UnreadableTree);
  const auto node = parse_node_tree("{A :word x :list (1)}");
  CHECK_THROWS_AS(node.field("other"), UnreadableTree);
  CHECK_THROWS_AS(node.flag("word"), UnreadableTree);
  CHECK_THROWS_AS(node.number("word"), UnreadableTree);
  CHECK_THROWS_AS(node.list("word"), UnreadableTree);
  CHECK_THROWS_AS(node.flag("list"), UnreadableTree);
}

TEST_CASE("a tree that is too deep is refused, not followed") {
  const auto nested = [](std::size_t depth) { return std::string(depth, '(') + std::string(depth, ')'); };
  CHECK(parse_node_tree(nested(900)).items.size() == 1);
  CHECK_THROWS_AS(parse_node_tree(nested(2'000'000)), UnreadableTree);
}
