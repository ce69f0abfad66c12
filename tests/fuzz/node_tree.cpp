// The tree of a view's definition, and what is read of it.
#include "shard_schema/node_tree.hpp"
#include "shard_schema/view_definition.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace shardplex::fuzz {
namespace {

const DefinitionNames names{
    {{1, {"movies", {"id", "name", "shardplex_slot"}}}, {2, {"ratings", {"movie_id", "score"}}}}, 99, {410}};

void check_tree(const TreeNode& tree) {
  tree.for_each([](const TreeNode& node) {
    invariant(node.kind != TreeNode::Kind::word || !node.text.empty(), "a word has letters");
    invariant(node.kind == TreeNode::Kind::list || node.items.empty(), "only a list has items");
    invariant(node.kind == TreeNode::Kind::object || node.fields.empty(), "only an object has fields");
  });
}

}  // namespace

void take(std::string_view input) {
  bool is_tree = true;
  try {
    check_tree(parse_node_tree(input));
  } catch (const UnreadableTree&) {
    is_tree = false;
  }
  const auto read = read_definition(input, names);
  invariant(is_tree || !read, "what is no tree is no definition");
  const auto origins = read_origins(input, names);
  invariant(is_tree || origins.empty(), "what is no tree has no columns");
}

}  // namespace shardplex::fuzz
