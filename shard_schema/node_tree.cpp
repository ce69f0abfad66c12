#include "shard_schema/node_tree.hpp"

#include <algorithm>
#include <charconv>

namespace shardplex {
namespace {

// Each level is a few hundred bytes of stack. PostgreSQL's own parser stops at trees of some thousands.
constexpr std::size_t deepest = 1000;

bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\t';
}

class TreeReader {
 public:
  explicit TreeReader(std::string_view text) : text_(text) {}

  TreeNode read_all() {
    TreeNode node = read_value(0);
    if (peek() != end_of_text) fail();
    return node;
  }

 private:
  static constexpr char end_of_text = '\0';

  [[noreturn]] static void fail() { throw UnreadableTree("a definition that is no tree of nodes"); }

  /// The next character that is no space.
  char peek() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
    return at_ < text_.size() ? text_[at_] : end_of_text;
  }

  /// Up to a space, a bracket or a brace; after a backslash any character is part of it.
  std::string read_word() {
    peek();
    const std::size_t begin = at_;
    while (at_ < text_.size() && !is_space(text_[at_]) &&
           std::string_view("(){}").find(text_[at_]) == std::string_view::npos)
      at_ += text_[at_] == '\\' ? 2 : 1;
    at_ = std::min(at_, text_.size());
    if (at_ == begin) fail();
    return std::string(text_.substr(begin, at_ - begin));
  }

  TreeNode read_value(std::size_t depth) {
    if (depth > deepest) throw UnreadableTree("a definition that is nested too deeply");
    TreeNode node;
    switch (peek()) {
      case '{':
        read_object(node, depth);
        break;
      case '(':
        read_list(node, depth);
        break;
      default:
        node.text = read_word();
    }
    return node;
  }

  void read_list(TreeNode& node, std::size_t depth) {
    node.kind = TreeNode::Kind::list;
    ++at_;
    while (peek() != ')') node.items.push_back(read_value(depth + 1));
    ++at_;
  }

  /// A name of a field says nothing of its value's first character, so values are taken by their place: a
  /// name that a user gave can be ":hasAggs".
  void read_object(TreeNode& node, std::size_t depth) {
    node.kind = TreeNode::Kind::object;
    ++at_;
    if (peek() != '}') node.text = read_word();
    while (peek() != '}') {
      const auto name = read_word();
      if (name.size() < 2 || name[0] != ':') fail();
      node.fields.emplace_back(name.substr(1), read_value(depth + 1));
      if (peek() == '[') skip_bytes();
    }
    ++at_;
  }

  /// A constant is its length, then its bytes: 4 [ 1 0 0 0 ]
  void skip_bytes() {
    while (read_word() != "]") {
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

const TreeNode& TreeNode::field(std::string_view name) const {
  const auto found = std::ranges::find(fields, name, &std::pair<std::string, TreeNode>::first);
  if (found == fields.end()) throw UnreadableTree("a definition without the field " + std::string(name));
  return found->second;
}

bool TreeNode::flag(std::string_view name) const {
  const auto& value = field(name);
  if (value.text != "true" && value.text != "false")
    throw UnreadableTree("a definition in which " + std::string(name) + " is neither true nor false");
  return value.text == "true";
}

long long TreeNode::number(std::string_view name) const {
  const auto& word = field(name).text;
  long long value = 0;
  const auto* const end = word.data() + word.size();
  if (const auto [stopped, error] = std::from_chars(word.data(), end, value);
      error != std::errc{} || stopped != end)
    throw UnreadableTree("a definition in which " + std::string(name) + " is no number");
  return value;
}

const std::vector<TreeNode>& TreeNode::list(std::string_view name) const {
  const auto& value = field(name);
  if (value.kind != Kind::list && !value.is_nothing())
    throw UnreadableTree("a definition in which " + std::string(name) + " is no list");
  return value.items;
}

TreeNode parse_node_tree(std::string_view text) {
  return TreeReader(text).read_all();
}

}  // namespace shardplex
