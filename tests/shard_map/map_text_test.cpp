#include "shard_map/map_text.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "shard_map/joined.hpp"
#include "shard_map/yaml_map.hpp"
#include "tests/sanitized.hpp"

using namespace shardplex;

namespace {

/// The map, which has to be valid.
ShardMap map_of(std::string_view yaml) {
  auto result = read_shard_map(yaml);
  if (const auto* problems = std::get_if<std::vector<MapProblem>>(&result)) {
    std::string all(yaml);
    for (const auto& problem : *problems) all += "\n" + problem.to_string();
    FAIL(all);
  }
  return std::get<ShardMap>(std::move(result));
}

/// All that a map says, so that two can be compared.
std::string account_of(const ShardMap& map) {
  std::string text = map.cluster();
  for (const auto& shard : map.shards()) {
    text += "\nshard " + shard.name + ": " + shard.primary;
    for (const auto& replica : shard.replicas) text += ", " + replica;
  }
  for (const auto& group : map.groups()) {
    text += "\ngroup " + group.name + ":";
    for (const ShardId id : group.placement) text += " " + map.shard(id).name;
    const auto* list = std::get_if<ListStrategy>(&group.strategy);
    if (list == nullptr) continue;
    text += "\nlist " + list->column + " " + list->spread_by;
    const auto add = [&](const std::string& value, const std::vector<Slot>& slots) {
      text += "\n  " + value + ":";
      for (const Slot slot : slots) text += " " + std::to_string(slot.value);
    };
    for (const auto& [value, slots] : list->lists) add(value, slots);
    add("", list->otherwise);
  }
  const auto add_table = [&](const std::string& what, const TablePlacement& table) {
    text += "\n" + what + " " + table.name + " " + joined(table.key.names(), "+") + " " +
            (table.reference ? "reference" : map.group(*table.group).name);
  };
  for (const auto& table : map.tables()) add_table("table", table);
  for (const auto& view : map.views()) add_table("view", view);
  for (const auto& relation : map.relations()) {
    text += "\nrelation " + relation.name + " of " + relation.table + " and " + relation.foreign_table;
    for (std::size_t i = 0; i < relation.columns.size(); ++i)
      text += ", " + relation.columns[i] + " is " + relation.foreign_columns[i];
  }
  for (const auto& function : map.functions())
    text += "\nfunction " + function.name + " " + std::to_string(static_cast<int>(function.runs)) + " " +
            joined(function.arguments.names(), "+") + " " +
            (function.group ? map.group(*function.group).name : "");
  return text;
}

/// Shards of one map with the placement of its groups, by names, to be changed.
struct Draft {
  std::vector<Shard> shards;
  std::vector<std::vector<std::string>> placements;  // of each group: slot -> shard
};

ShardMap with(const ShardMap& map, const Draft& draft) {
  auto groups = map.groups();
  for (std::size_t g = 0; g < groups.size(); ++g)
    for (std::size_t slot = 0; slot < groups[g].placement.size(); ++slot) {
      const auto at = std::ranges::find(draft.shards, draft.placements[g][slot], &Shard::name);
      groups[g].placement[slot] = ShardId{static_cast<std::uint16_t>(at - draft.shards.begin())};
    }
  return ShardMap(map.cluster(), draft.shards, groups, map.tables(), map.relations(), map.views(),
                  map.functions());
}

Draft draft_of(const ShardMap& map) {
  Draft draft{map.shards(), {}};
  for (const auto& group : map.groups()) {
    draft.placements.emplace_back();
    for (const ShardId id : group.placement) draft.placements.back().push_back(map.shard(id).name);
  }
  return draft;
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  REQUIRE_MESSAGE(at != std::string::npos, from);
  return text.replace(at, from.size(), to);
}

std::string all_replaced(std::string text, std::string_view from, std::string_view to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

std::string edited(const std::string& yaml, const ShardMap& wanted) {
  std::string text = edit_shard_map(yaml, wanted);
  CHECK(account_of(map_of(text)) == account_of(wanted));
  return text;
}

/// The map of a text after slots of its first group have gone to a shard.
ShardMap after_move(const std::string& yaml, std::uint32_t first, std::uint32_t last, const std::string& to) {
  const ShardMap map = map_of(yaml);
  Draft draft = draft_of(map);
  std::fill(draft.placements[0].begin() + first, draft.placements[0].begin() + last + 1, to);
  return with(map, draft);
}

ShardMap with_shard(const std::string& yaml, Shard shard) {
  const ShardMap map = map_of(yaml);
  Draft draft = draft_of(map);
  draft.shards.push_back(std::move(shard));
  return with(map, draft);
}

ShardMap without_shard(const std::string& yaml, const std::string& name, const std::string& heir) {
  const ShardMap map = map_of(yaml);
  Draft draft = draft_of(map);
  std::erase_if(draft.shards, [&](const Shard& shard) { return shard.name == name; });
  for (auto& placement : draft.placements) std::ranges::replace(placement, name, heir);
  return with(map, draft);
}

const std::string sample = R"(# The movies.
version: 1
cluster: movies

shards:  # by age
  alpha:
    primary: host=a dbname=movies  # in the cellar
    replicas: [host=a2 dbname=movies, host=a3 dbname=movies]
  beta:
    primary: host=b dbname=movies
    # none

# What is placed where.
groups:
  catalog:
    slots: 16
    strategy: { hash: {} }
    placement:  # as of May
      alpha: [0-7]   # the old ones
      beta: [8-15]   # the new ones
tables:
  movies: { group: catalog, key: id }  # all of them
)";

// Random maps in random styles.

class Random {
 public:
  explicit Random(std::uint32_t seed) : engine_(seed) {}
  std::uint32_t below(std::size_t bound) { return static_cast<std::uint32_t>(engine_() % bound); }
  bool coin() { return below(2) == 0; }

 private:
  std::mt19937 engine_;
};

/// A shard map as somebody may have written it, with comments that remember what they were written in.
class HandWriting {
 public:
  HandWriting(Random& random, const ShardMap& map) : random_(random), map_(map) {
    write_map();
    if (random_.coin()) text = all_replaced(text, "\n", "\r\n");
    if (random_.below(4) == 0) text = "\xEF\xBB\xBF" + text;
    if (random_.below(4) == 0) text.erase(text.find_last_not_of("\r\n") + 1);
  }

  std::string text;
  /// Comment -> where it is: "" or "shard alpha", and within that perhaps "list 0 alpha".
  std::map<std::string, std::set<std::string>> comments;

 private:
  std::string comment(const std::set<std::string>& places) {
    const std::string name = "# é" + std::to_string(comments.size()) + ';';
    comments.emplace(name, places);
    return name;
  }

  /// The end of a line, perhaps with a comment.
  std::string line_end(const std::set<std::string>& places = {}) {
    const std::vector<std::string> blanks{"", "", " ", "\t", "  \t "};
    const std::string blank = blanks[random_.below(5)];
    if (blank.empty() || random_.coin()) return blank + "\n";
    return blank + comment(places) + "\n";
  }

  /// Perhaps lines without text.
  std::string gap(std::size_t indent, const std::set<std::string>& places = {}) {
    if (random_.below(3) != 0) return "";
    if (random_.coin()) return "\n";
    return std::string(indent, ' ') + comment(places) + "\n";
  }

  std::string name(const std::string& text_of_name) {
    switch (random_.below(4)) {
      case 0:
        return "'" + text_of_name + "'";
      case 1:
        return '"' + text_of_name + '"';
      default:
        return text_of_name;
    }
  }

  std::string conninfo(const std::string& server, std::size_t indent) {
    if (random_.below(5) == 0 && indent > 0)  // on two lines
      return replaced(server, " ", "\n" + std::string(indent + 1, ' '));
    return name(server);
  }

  std::string servers(const std::vector<std::string>& all) {
    std::string list;
    for (const auto& server : all) list += (list.empty() ? "[" : ", ") + conninfo(server, 0);
    return list + (random_.coin() ? "]" : ", ]");
  }

  std::string shard_in_brackets(const Shard& shard) {
    std::string value = "{ primary: " + conninfo(shard.primary, 0);
    if (!shard.replicas.empty()) value += ", replicas: " + servers(shard.replicas);
    return value + (random_.coin() ? " }" : "}");
  }

  std::string shard_on_lines(const Shard& shard, std::size_t indent, std::size_t step) {
    const std::set<std::string> here{"shard " + shard.name};
    const std::string margin(indent, ' ');
    std::string value =
        line_end(here) + margin + "primary: " + conninfo(shard.primary, indent) + line_end(here);
    if (shard.replicas.empty()) return value + gap(indent, here);
    if (random_.coin()) return value + margin + "replicas: " + servers(shard.replicas) + line_end(here);
    value += margin + "replicas:" + line_end(here);
    const std::string dash = std::string(indent + (random_.coin() ? step : 0), ' ') + "- ";
    for (const auto& server : shard.replicas)
      value += gap(indent + step, here) + dash + conninfo(server, indent + step) + line_end(here);
    return value;
  }

  /// A mapping with a value for each shard; `value` writes one in brackets, or with lines of its own and the
  /// end of the last. `place` tells of comments after an entry where they are.
  template <class InBrackets, class OnLines>
  std::string mapping(std::size_t indent, const std::string& place, InBrackets in_brackets,
                      OnLines on_lines) {
    const std::string margin(indent, ' ');
    const auto& shards = map_.shards();
    if (random_.coin()) {
      std::string block = line_end();
      for (const Shard& shard : shards)
        block += gap(indent) + margin + name(shard.name) + ":" + on_lines(shard);
      return block;
    }
    const bool stacked = random_.coin();
    std::string flow = stacked ? "{" + line_end() : random_.coin() ? "{" : "{ ";
    for (std::size_t i = 0; i < shards.size(); ++i) {
      const std::set<std::string> here{place + shards[i].name};
      if (stacked) flow += (i == 0 ? gap(indent) : gap(indent, {place + shards[i - 1].name})) + margin;
      flow += name(shards[i].name) + ": " + in_brackets(shards[i]);
      const bool comma = i + 1 < shards.size() || random_.below(3) == 0;
      flow += comma ? "," : "";
      flow += stacked ? line_end(here) : " ";
    }
    if (stacked) flow += std::string(indent - 1, ' ');
    return flow + "}" + line_end();
  }

  std::vector<std::string> ranges(const Group& group, const Shard& shard) {
    std::vector<std::string> all;
    for (std::uint32_t slot = 0; slot < group.slot_count; ++slot) {
      if (map_.shard(group.placement[slot]).name != shard.name) continue;
      const auto first = slot;
      while (slot + 1 < group.slot_count && random_.below(8) != 0 &&
             map_.shard(group.placement[slot + 1]).name == shard.name)
        ++slot;
      all.push_back(first == slot ? std::to_string(slot)
                                  : std::to_string(first) + "-" + std::to_string(slot));
    }
    return all;
  }

  std::string list_in_brackets(std::size_t g, const Shard& shard, std::size_t indent) {
    const std::set<std::string> here{"shard " + shard.name, "list " + std::to_string(g) + " " + shard.name};
    const bool stacked = random_.below(3) == 0;
    std::string list = "[";
    for (const auto& range : ranges(map_.groups()[g], shard)) {
      list += (list.size() > 1 ? "," : "") + std::string(list.size() > 1 && !stacked ? " " : "");
      if (stacked) list += line_end(here) + std::string(indent + 2, ' ');
      list += random_.below(6) == 0 ? name(range) : range;
    }
    if (stacked) list += line_end(here) + std::string(indent + 1, ' ');
    return list + "]";
  }

  std::string list_on_lines(std::size_t g, const Shard& shard, std::size_t indent) {
    const auto all = ranges(map_.groups()[g], shard);
    const std::set<std::string> after{"shard " + shard.name};
    if (all.empty() || random_.coin()) return " " + list_in_brackets(g, shard, indent) + line_end(after);
    const std::set<std::string> within{"shard " + shard.name, "list " + std::to_string(g) + " " + shard.name};
    const std::string dash = std::string(indent + random_.below(3), ' ') + "- ";
    std::string list = line_end(after);
    for (const auto& range : all)
      list += dash + range + (&range == &all.back() ? line_end(after) : line_end(within));
    return list;
  }

  void write_map() {
    const std::size_t step = 1 + random_.below(4);
    text = "# all\nversion: 1\n" + gap(0) + "cluster: " + name(map_.cluster()) + line_end() + gap(0) +
           "shards: ";
    text += mapping(
        step, "shard ", [&](const Shard& shard) { return shard_in_brackets(shard); },
        [&](const Shard& shard) {
          if (random_.below(3) == 0)
            return " " + shard_in_brackets(shard) + line_end({"shard " + shard.name});
          return shard_on_lines(shard, 2 * step, step);
        });
    text += gap(0) + "groups:" + line_end();
    for (std::size_t g = 0; g < map_.groups().size(); ++g) {
      text += gap(step) + std::string(step, ' ') + name(map_.groups()[g].name) + ":" + line_end();
      const std::string margin(2 * step, ' ');
      const std::string slots = margin + "slots: " + std::to_string(map_.groups()[g].slot_count) + line_end();
      const std::string strategy = margin + "strategy: { hash: {} }" + line_end();
      const std::string placement =
          margin + "placement: " +
          mapping(
              3 * step, "shard ", [&](const Shard& shard) { return list_in_brackets(g, shard, 3 * step); },
              [&](const Shard& shard) { return list_on_lines(g, shard, 3 * step); });
      text += random_.coin() ? slots + placement + strategy : strategy + slots + placement;
    }
    text += "tables:" + line_end();
    for (const auto& table : map_.tables())
      text += gap(step) + std::string(step, ' ') + table.name +
              ": { group: " + map_.group(*table.group).name + ", key: id }" + line_end();
  }

  Random& random_;
  const ShardMap& map_;
};

Shard random_shard(Random& random, const std::string& name) {
  Shard shard{name, "host=" + name + " dbname=movies user=me", {}};
  const auto replicas = random.below(3);
  for (std::uint32_t i = 0; i < replicas; ++i)
    shard.replicas.push_back("host=" + name + std::to_string(i) + " port=5432 dbname=movies");
  return shard;
}

ShardMap random_map(Random& random) {
  std::vector<Shard> shards;
  for (std::uint32_t i = 0, count = 1 + random.below(4); i < count; ++i)
    shards.push_back(random_shard(random, "s-" + std::to_string(i)));
  std::vector<Group> groups;
  std::vector<TablePlacement> tables;
  for (std::uint32_t i = 0, count = 1 + random.below(3); i < count; ++i) {
    Group group{"g" + std::to_string(i), 1u << random.below(8), HashStrategy{}, {}};
    for (std::uint32_t slot = 0; slot < group.slot_count; ++slot)
      group.placement.push_back(slot > 0 && random.below(4) != 0
                                    ? group.placement.back()
                                    : ShardId{static_cast<std::uint16_t>(random.below(shards.size()))});
    groups.push_back(std::move(group));
    tables.push_back({"t" + std::to_string(i), false, GroupId{static_cast<std::uint16_t>(i)}, "id"});
  }
  return ShardMap("movies", shards, groups, tables, {});
}

/// Adds and removes shards, and moves slots; `touched` gets what that writes anew.
ShardMap random_change(Random& random, const ShardMap& map, int step, std::set<std::string>& touched) {
  Draft draft = draft_of(map);
  if (draft.shards.size() > 1 && random.below(3) == 0) {
    const auto gone = draft.shards.begin() + random.below(draft.shards.size());
    touched.insert("shard " + gone->name);
    draft.shards.erase(gone);
  }
  const std::size_t old = draft.shards.size();
  for (std::uint32_t i = 0, count = random.below(3); i < count; ++i)
    draft.shards.push_back(random_shard(random, "added-" + std::to_string(step) + "-" + std::to_string(i)));
  for (std::size_t g = 0; g < draft.placements.size(); ++g)
    for (auto& owner : draft.placements[g]) {
      const bool gone = touched.contains("shard " + owner);
      if (!gone && random.below(6) != 0) continue;
      const auto& heir = draft.shards[random.below(gone ? old : draft.shards.size())].name;
      if (heir == owner) continue;
      touched.insert("list " + std::to_string(g) + " " + owner);
      touched.insert("list " + std::to_string(g) + " " + heir);
      owner = heir;
    }
  return with(map, draft);
}

}  // namespace

TEST_CASE("a map that stays as it is keeps every byte") {
  CHECK(edited(sample, map_of(sample)) == sample);
  const std::string unusual = replaced(sample, "  beta:\n    primary", "  ? beta\n  : primary");
  CHECK(edited(unusual, map_of(sample)) == unusual);
  const std::string crlf = all_replaced(sample, "\n", "\r\n");
  CHECK(edited(crlf, map_of(sample)) == crlf);
}

TEST_CASE("slots that change hands are written anew, and the comments beside them stay") {
  CHECK(edited(sample, after_move(sample, 2, 3, "beta")) ==
        replaced(replaced(sample, "[0-7] ", "[0-1, 4-7] "), "[8-15]", "[2-3, 8-15]"));
  CHECK(edited(sample, after_move(sample, 0, 7, "beta")) ==
        replaced(replaced(sample, "[0-7]", "[]"), "[8-15]", "[0-15]"));
}

TEST_CASE("a shard is added below the last one, laid out as the others") {
  struct Row {
    std::string what, with, added_after, added;
  };
  const Shard gamma{"gamma", "host=g dbname=movies", {"host=g2 dbname=movies"}};
  const std::vector<Row> rows{
      {"#", "#", "    # none\n",
       "  gamma:\n    primary: host=g dbname=movies\n    replicas: [host=g2 dbname=movies]\n"},
      {"[host=a2 dbname=movies, host=a3 dbname=movies]", "\n    - host=a2", "    # none\n",
       "  gamma:\n    primary: host=g dbname=movies\n    replicas:\n    - host=g2 dbname=movies\n"},
      {"\n    primary: host=b dbname=movies\n", " {primary: host=b}\n", "    # none\n",
       "  gamma: { primary: host=g dbname=movies, replicas: [host=g2 dbname=movies] }\n"},
  };
  for (const auto& row : rows) {
    const std::string before = replaced(sample, row.what, row.with);
    CHECK(edited(before, with_shard(before, gamma)) ==
          replaced(before, row.added_after, row.added_after + row.added));
  }
}

TEST_CASE("slots of an added shard go below the others', or beside them in brackets") {
  const ShardMap wider = with_shard(sample, {"gamma", "host=g", {}});
  Draft draft = draft_of(wider);
  draft.placements[0][15] = "gamma";
  const ShardMap wanted = with(wider, draft);
  const std::string text = edited(sample, wanted);
  CHECK(text.find("      beta: [8-14]   # the new ones\n      gamma: [15]\n") != std::string::npos);
  const std::string lines = "\n      alpha: [0-7]   # the old ones\n      beta: [8-15]   # the new ones\n";
  struct Row {
    std::string placement, expected;
  };
  const std::vector<Row> rows{
      {"{ alpha: [0-7], beta: [8-15] }", "{ alpha: [0-7], beta: [8-14], gamma: [15] }"},
      {"{alpha: [0-7], beta: [8-15],}", "{alpha: [0-7], beta: [8-14], gamma: [15],}"},
      {"{\n      alpha: [0-7],  # a\n      beta: [8-15]   # b\n    }",
       "{\n      alpha: [0-7],  # a\n      beta: [8-14],   # b\n      gamma: [15]\n    }"},
      {"{\n      alpha: [0-7],  # a\n      beta: [8-15],   # b\n    }",
       "{\n      alpha: [0-7],  # a\n      beta: [8-14],   # b\n      gamma: [15],\n    }"},
      {"{ alpha: [0-7],\n                 beta: [8-15] }",
       "{ alpha: [0-7],\n                 beta: [8-14],\n                 gamma: [15] }"},
  };
  for (const auto& row : rows) {
    const std::string before = replaced(sample, "  # as of May" + lines, " " + row.placement + "\n");
    CAPTURE(row.placement);
    CHECK(edited(before, wanted).find("placement: " + row.expected + "\n") != std::string::npos);
  }
}

TEST_CASE("a removed shard goes with its lines and comments, and from the placements") {
  CHECK(edited(sample, without_shard(sample, "beta", "alpha")) ==
        replaced(replaced(replaced(sample, "  beta:\n    primary: host=b dbname=movies\n    # none\n", ""),
                          "[0-7]", "[0-15]"),
                 "      beta: [8-15]   # the new ones\n", ""));
  CHECK(edited(sample, without_shard(sample, "alpha", "beta")).find("cellar") == std::string::npos);
  // The placement names none that stays.
  const std::string only_alpha =
      replaced(replaced(sample, "[0-7]", "[0-15]"), "      beta: [8-15]   # the new ones\n", "");
  CHECK(edited(only_alpha, without_shard(only_alpha, "alpha", "beta"))
            .find("  # as of May\n      beta: [0-15]\ntables") != std::string::npos);
}

TEST_CASE("a list too long for a line is written on several") {
  std::string yaml = replaced(sample, "slots: 16", "slots: 1024");
  yaml = replaced(replaced(yaml, "[0-7]", "[0-511]"), "[8-15]", "[512-1023]");
  const ShardMap map = map_of(yaml);
  Draft draft = draft_of(map);
  for (std::size_t slot = 0; slot < 1024; slot += 2) draft.placements[0][slot] = "beta";
  const std::string text = edited(yaml, with(map, draft));
  std::size_t longest = 0;
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1)
    longest = std::max(longest, text.find('\n', at) - at);
  CHECK(longest > 80);
  CHECK(longest <= 110 + std::string("   # the new ones").size());
  CHECK(text.find("# the old ones") != std::string::npos);
  CHECK(edited(text, map) == yaml);
}

TEST_CASE("a text too unusual to be edited is written anew, without comments") {
  Draft draft = draft_of(map_of(sample));
  draft.shards[0].primary = "host=elsewhere";
  CHECK(edited(sample, with(map_of(sample), draft)).find('#') == std::string::npos);
  const std::string question = replaced(sample, "  beta:\n    primary", "  ? beta\n  : primary");
  CHECK(edited(question, with_shard(question, {"gamma", "host=g", {}})).find('#') == std::string::npos);
}

TEST_CASE("the YAML of a map reads as the map") {
  for (const char* file : {"/movies-hash.yaml", "/movies-genre.yaml"}) {
    std::ifstream in(std::string(SHARDPLEX_CONFIG_DIR) + file);
    const std::string text(std::istreambuf_iterator<char>(in), {});
    CHECK(account_of(map_of(to_yaml(map_of(text)))) == account_of(map_of(text)));
  }
  const std::string odd = R"(version: 1
cluster: "123"
shards:
  "null": { primary: "postgresql://host/db?user=a" }
  "off": { primary: "user='o\\'neil' host=h\\ x" , replicas: ["host=a options='{,'", "host=#"] }
groups:
  "a: b #c":
    slots: 4
    strategy: { list: { column: "true", spread_by: " id ", lists: { "": [0], "\"\\\x01\n": [1], "-": [2], "é": [] }, otherwise: [3] } }
    placement: { "off": [0-3] }
tables:
  "1": { group: "a: b #c" }
  "~": { reference: true }
relations:
  "a: b": { table: "1", columns: [" id ", "#"], foreign_table: "~", foreign_columns: ["no", "[x]"] }
)";
  const std::string text = replaced(odd, ", \"é\": []", "");
  CHECK(account_of(map_of(to_yaml(map_of(text)))) == account_of(map_of(text)));
  const std::string no_groups =
      "version: 1\ncluster: c\nshards: {a: {primary: host=a}}\ntables: {t: {reference: true}}\n";
  CHECK(account_of(map_of(to_yaml(map_of(no_groups)))) == account_of(map_of(no_groups)));
}

TEST_CASE("relations outlive every change of a map") {
  const std::string yaml = sample +
                           "relations:\n  of_self: { table: movies, columns: [remake_of], "
                           "foreign_table: movies, foreign_columns: [id] } # kept\n";
  const std::string moved = edited(yaml, after_move(yaml, 0, 3, "beta"));
  CHECK(moved.find("foreign_columns: [id] } # kept") != std::string::npos);
  CHECK(map_of(moved).relations() == map_of(yaml).relations());
}

TEST_CASE("functions outlive every change of a map, and are written as they are read") {
  const std::string yaml = sample + "functions: # of ours\n  now_utc: any # kept\n  \"all: of it\": all\n" +
                           "  films_of: { by: movie_id, group: catalog }\n";
  const std::string moved = edited(yaml, after_move(yaml, 0, 3, "beta"));
  CHECK(moved.find("now_utc: any # kept") != std::string::npos);
  CHECK(map_of(moved).functions() == map_of(yaml).functions());
  CHECK(map_of(to_yaml(map_of(yaml))).functions() == map_of(yaml).functions());
}

TEST_CASE("random changes of random maps read as wanted, and comments outside of them stay") {
  for (std::uint32_t seed = 1; seed <= tests::fewer_if_sanitized(3000); ++seed) {
    CAPTURE(seed);
    Random random(seed);
    ShardMap map = random_map(random);
    const HandWriting written(random, map);
    std::string text = written.text;
    CAPTURE(text);
    REQUIRE(account_of(map_of(text)) == account_of(map));
    auto comments = written.comments;
    comments.emplace("# all", std::set<std::string>{});
    for (int step = 0; step < 3; ++step) {
      std::set<std::string> touched;
      const ShardMap wanted = random_change(random, map, step, touched);
      const std::string after = edit_shard_map(text, wanted);
      CAPTURE(after);
      REQUIRE(account_of(map_of(after)) == account_of(wanted));
      std::erase_if(comments, [&](const auto& comment) {
        return std::ranges::any_of(comment.second,
                                   [&](const auto& place) { return touched.contains(place); });
      });
      for (const auto& [comment, places] : comments)
        REQUIRE_MESSAGE(after.find(comment) != std::string::npos, comment);
      const bool crlf = text.find("\r\n") != std::string::npos;
      REQUIRE(all_replaced(after, "\r\n", "").find('\n') == (crlf ? std::string::npos : after.find('\n')));
      map = wanted;
      text = after;
    }
  }
}

TEST_CASE("views outlive every change of a map") {
  const std::string yaml = sample +
                           "views:\n  dramas: { group: catalog, key: film }  # some\n"
                           "  top: { reference: true }\n";
  const auto moved = edited(yaml, after_move(yaml, 0, 3, "beta"));
  CHECK(moved.find("{ group: catalog, key: film }  # some\n") != std::string::npos);
  const ShardMap map = map_of(yaml);
  CHECK(account_of(map_of(to_yaml(map))) == account_of(map));
  CHECK(map_of(to_yaml(map)).views().size() == 2);
}

TEST_CASE("declared computed columns outlive every change of a map, and are written as they are read") {
  const std::string yaml = sample +
                           "views:\n  dramas: { group: catalog, key: film, computed: [rank] }  # some\n"
                           "  top: { reference: true, computed: [\"a, b\", label] }\n";
  const auto moved = edited(yaml, after_move(yaml, 0, 3, "beta"));
  CHECK(moved.find("computed: [rank] }  # some\n") != std::string::npos);
  const ShardMap map = map_of(yaml);
  CHECK(map_of(moved).views() == map.views());
  CHECK(map_of(to_yaml(map)).views() == map.views());
  CHECK(map.find_view("top")->computed == std::vector<std::string>{"a, b", "label"});
}
