#include "shard_map/yaml_tree.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <optional>
#include <sstream>
#include <utility>

#include "shard_map/utf8.hpp"

namespace shardplex {
namespace {

constexpr const char* no_aliases = "aliases (*) are not read; write the value out";

int line_of(const YAML::Mark& mark) {
  return mark.line + 1;
}

/// Builds the tree while yaml-cpp reads, and throws a YamlRefusal at the first event that it will not take;
/// what comes after is never read.
class TreeBuilder final : public YAML::EventHandler {
 public:
  /// `skipped`: bytes before those that yaml-cpp counts.
  explicit TreeBuilder(std::size_t skipped) : skipped_(skipped) {}

  std::optional<YamlValue> take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (root_) throw YamlRefusal{line_of(mark), "a second document begins here; a shard map is one document"};
  }
  void OnDocumentEnd() override {}

  void OnAnchor(const YAML::Mark& mark, const std::string&) override {
    throw YamlRefusal{line_of(mark), "anchors (&) are not read; write the value out"};
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    throw YamlRefusal{line_of(mark), no_aliases};
  }

  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
    add(value(YamlValue::Kind::null, mark), mark);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                const std::string& text) override {
    refuse_tag(mark, tag);
    if (text.find('\0') != std::string::npos)
      throw YamlRefusal{line_of(mark), "an escaped NUL character; PostgreSQL has no place for one"};
    YamlValue scalar = value(YamlValue::Kind::scalar, mark);
    scalar.quoted = tag == "!";
    scalar.text = text;
    add(std::move(scalar), mark);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value style) override {
    begin(YamlValue::Kind::list, mark, tag, style);
  }
  void OnSequenceEnd() override { end(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                  YAML::EmitterStyle::value style) override {
    begin(YamlValue::Kind::mapping, mark, tag, style);
  }
  void OnMapEnd() override { end(); }

 private:
  /// A list or mapping that is not closed yet; a mapping may wait for the value of its last entry.
  struct Open {
    YamlValue value;
    bool awaits_value = false;
  };

  YamlValue value(YamlValue::Kind kind, const YAML::Mark& mark) const {
    YamlValue made;
    made.kind = kind;
    made.line = line_of(mark);
    made.begin = skipped_ + static_cast<std::size_t>(mark.pos);
    return made;
  }

  /// yaml-cpp gives "?" for a plain value without a tag and "!" for a quoted one.
  static void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (!tag.empty() && tag != "?" && tag != "!")
      throw YamlRefusal{line_of(mark), "tags (!) are not read; write the plain value"};
  }

  void begin(YamlValue::Kind kind, const YAML::Mark& mark, const std::string& tag,
             YAML::EmitterStyle::value style) {
    refuse_tag(mark, tag);
    if (open_.size() == max_yaml_depth)
      throw YamlRefusal{line_of(mark), "nested deeper than " + std::to_string(max_yaml_depth) + " levels"};
    const bool is_key =
        !open_.empty() && open_.back().value.kind == YamlValue::Kind::mapping && !open_.back().awaits_value;
    if (is_key) throw YamlRefusal{line_of(mark), "a list or mapping cannot be a key"};
    open_.push_back({value(kind, mark)});
    open_.back().value.flow = style == YAML::EmitterStyle::Flow;
  }

  void end() {
    YamlValue done = std::move(open_.back().value);
    open_.pop_back();
    add(std::move(done), {});
  }

  void add(YamlValue done, const YAML::Mark& mark) {
    if (open_.empty()) {
      root_ = std::move(done);
      return;
    }
    Open& parent = open_.back();
    if (parent.value.kind == YamlValue::Kind::list) {
      parent.value.items.push_back(std::move(done));
    } else if (parent.awaits_value) {
      parent.value.entries.back().value = std::move(done);
      parent.awaits_value = false;
    } else {
      add_key(parent, std::move(done), mark);
    }
  }

  static void add_key(Open& mapping, YamlValue key, const YAML::Mark& mark) {
    if (key.kind == YamlValue::Kind::null) throw YamlRefusal{line_of(mark), "a key is empty"};
    if (key.text == "<<" && !key.quoted)
      throw YamlRefusal{line_of(mark), "merge keys (<<) are not read; write the entries out"};
    mapping.value.entries.push_back({std::move(key.text), key.line, key.begin, {}});
    mapping.awaits_value = true;
  }

  std::size_t skipped_;
  std::vector<Open> open_;
  std::optional<YamlValue> root_;
};

int line_at(std::string_view text, std::size_t offset) {
  return 1 + static_cast<int>(std::ranges::count(text.substr(0, offset), '\n'));
}

bool is_forbidden_control(char c) {
  return (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\r' && c != '\t') || c == 0x7f;
}

/// yaml-cpp reads UTF-16 and UTF-32 too, lets broken UTF-8 through, and takes byte 4 for the end of the file.
void refuse_bad_bytes(std::string_view text) {
  if (text.size() > max_yaml_bytes) throw YamlRefusal{0, "larger than 1 MiB"};
  if (const auto valid = valid_utf8_prefix(text); valid != text.size())
    throw YamlRefusal{line_at(text, valid), "not UTF-8 text"};
  if (const auto control = std::ranges::find_if(text, is_forbidden_control); control != text.end())
    throw YamlRefusal{line_at(text, static_cast<std::size_t>(control - text.begin())), "a control character"};
}

YamlValue build_tree(std::string_view text) {
  refuse_bad_bytes(text);
  // yaml-cpp lets the end of the file close a quote, but not the end of a document.
  std::istringstream input{std::string(text) + "\n...\n"};
  YAML::Parser parser(input);
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  TreeBuilder builder(text.starts_with(byte_order_mark) ? byte_order_mark.size() : 0);
  while (parser.HandleNextDocument(builder)) {
  }
  auto root = builder.take_root();
  if (!root || root->kind == YamlValue::Kind::null) throw YamlRefusal{1, "the shard map is empty"};
  return std::move(*root);
}

}  // namespace

std::variant<YamlValue, YamlRefusal> read_yaml(std::string_view text) {
  try {
    return build_tree(text);
  } catch (const YamlRefusal& refusal) {
    return refusal;
  } catch (const YAML::Exception& error) {
    // An alias to nothing fails in yaml-cpp before it becomes an event.
    if (error.msg == YAML::ErrorMsg::UNKNOWN_ANCHOR) return YamlRefusal{line_of(error.mark), no_aliases};
    if (error.msg == YAML::ErrorMsg::DOC_IN_SCALAR)
      return YamlRefusal{line_of(error.mark), "not valid YAML: a quote is not closed before this line"};
    return YamlRefusal{line_of(error.mark), "not valid YAML: " + error.msg};
  }
}

}  // namespace shardplex
