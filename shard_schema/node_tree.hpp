// PostgreSQL's text of a tree of nodes, as type pg_node_tree has it (src/backend/nodes/outfuncs.c, read.c).
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shardplex {

/// Thrown for text that is no such tree, or has not the node or field that is asked for.
struct UnreadableTree : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// {LABEL :field value …}, a list (value …), or a word. What stands for nothing (<>) is a word as well.
class TreeNode {
 public:
  enum class Kind { word, list, object };

  Kind kind = Kind::word;
  std::string text;             ///< of a word, with its escapes; of an object its label
  std::vector<TreeNode> items;  ///< of a list
  std::vector<std::pair<std::string, TreeNode>> fields;  ///< of an object, named without the colon

  bool is(std::string_view label) const { return kind == Kind::object && text == label; }
  bool is_nothing() const { return kind == Kind::word && text == "<>"; }

  // UnreadableTree where the field is not there, or is of another kind.
  const TreeNode& field(std::string_view name) const;
  bool flag(std::string_view name) const;  ///< true or false
  long long number(std::string_view name) const;
  /// A list's items; none where it is nothing.
  const std::vector<TreeNode>& list(std::string_view name) const;

  /// Calls visit(node) for this node and all below it.
  template <class Visit>
  void for_each(const Visit& visit) const {
    visit(*this);
    for (const auto& item : items) item.for_each(visit);
    for (const auto& [name, value] : fields) value.for_each(visit);
  }
};

/// UnreadableTree where it is none, or is nested too deeply to be read without fear for the stack.
TreeNode parse_node_tree(std::string_view text);

}  // namespace shardplex
