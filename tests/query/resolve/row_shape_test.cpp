#include "query/resolve/row_shape.hpp"

#include <doctest/doctest.h>

#include <string>

#include "tests/query/resolve/resolve.hpp"

using namespace shardplex;
using test::RelatedRequests;

namespace {

/// {a,b,object:{…},objects:[{…}]}, of what comes out of a spread to many [a], with # in front where grouped.
std::string text_of(const RowShape& row) {
  std::string text;
  for (const RowMember& member : row.members) {
    std::string value = member.name;
    if (member.kind == RowMember::Kind::object) value += ":" + text_of(member.row);
    if (member.kind == RowMember::Kind::objects) value += ":[" + text_of(member.row) + "]";
    for (std::size_t n = 0; n < member.in_arrays; ++n) value = "[" + value + "]";
    text += (text.empty() ? "" : ",") + value;
  }
  return std::string(row.grouped ? "#" : "") + "{" + text + "}";
}

std::string shape(std::string_view table, std::string_view text) {
  static const RelatedRequests requests;
  const auto query = parse_query(table, text, {});
  if (!query) return query.error().code;
  const auto tree = requests.resolved(*query);
  if (!tree) return tree.error().code;
  const auto row = row_shape(*tree);
  return row ? text_of(*row) : row.error().code;
}

}  // namespace

TEST_CASE("a row has its columns first and then its embeds, to one as an object and to many as an array") {
  CHECK(shape("directors", "") == "{id,name}");
  CHECK(shape("directors", "select=*") == "{id,name}");
  CHECK(shape("films", "select=actors(name),title,director:directors(*),id") ==
        "{title,id,actors:[{name}],director:{id,name}}");
  CHECK(shape("films", "select=specs(camera,films(title))") == "{specs:{camera,films:{title}}}");
  CHECK(shape("films", "select=title,posters(id),trailers(id)") == "{title,posters:[{id}],trailers:{id}}");
}

TEST_CASE("a member is named by its alias, its aggregate, the last key of its path, or its column") {
  CHECK(shape("films", "select=t:title,title->a->>b,title->a->0,title->0,id::text,year.max(),y:year.min()") ==
        "#{t,b,a,title,id,max,y}");
}

TEST_CASE("names may repeat among columns and embeds") {
  CHECK(shape("directors", "select=id,id,*") == "{id,id,id,name}");
  CHECK(shape("films", "select=id,id:directors(name)") == "{id,id:{name}}");
  CHECK(shape("films", "select=title,...directors(title:name)") == "{title,title}");
}

TEST_CASE("an embed that shows nothing has no member") {
  CHECK(shape("films", "select=title,actors()") == "{title}");
  CHECK(shape("films", "select=title,actors(roles())") == "{title}");
  CHECK(shape("films", "select=title,actors(roles(),films(title))") == "{title,actors:[{films:[{title}]}]}");
  CHECK(shape("films", "select=actors()") == "{}");
  CHECK(shape("films", "select=...directors()") == "{}");
}

TEST_CASE("a spread gives its members to its parent, and of many rows arrays of them") {
  CHECK(shape("films", "select=title,...directors(director:name,films(id))") ==
        "{title,director,films:[{id}]}");
  CHECK(shape("films", "select=title,...roles(character,...actors(name))") == "{title,[character],[name]}");
  CHECK(shape("directors", "select=name,...films(title,...roles(character,actors(id)))") ==
        "{name,[title],[[character]],[[actors:{id}]]}");
  CHECK(shape("films", "select=cast:roles(character,...actors(name))") == "{cast:[{character,name}]}");
}

TEST_CASE("a spread that shows a name twice is ambiguous") {
  CHECK(shape("films", "select=...directors(name,name)") == "42702");
  CHECK(shape("films", "select=...directors(*,name)") == "42702");
  CHECK(shape("films", "select=...roles(film_id,...actors(film_id:id))") == "42702");
  CHECK(shape("films", "select=...directors(name,again:name)") == "{name,again}");
}

TEST_CASE("an aggregate groups the rows of its node, and in a spread to one those of the parent") {
  CHECK(shape("films", "select=count()") == "#{count}");
  CHECK(shape("films", "select=year,count(),directors(name)") == "#{year,count,directors:{name}}");
  CHECK(shape("directors", "select=name,films(year,count())") == "{name,films:[#{year,count}]}");
  CHECK(shape("films", "select=year,...directors(id.max(),id.min())") == "#{year,max,min}");
  CHECK(shape("roles", "select=character,...films(...directors(count()))") == "#{character,count}");
  CHECK(shape("directors", "select=name,...films(year.sum())") == "PGRST127");
  CHECK(shape("directors", "select=name,...films(...people!writer_id(id.max()))") == "PGRST127");
  CHECK(shape("directors", "select=name,...films(roles(count()))") == "{name,[roles:[#{count}]]}");
}

TEST_CASE("a bare count is the one member of its node, and of no spread") {
  CHECK(shape("films", "select=count") == "#{count}");
  CHECK(shape("films", "select=n:count,count,actors()") == "#{n,count}");
  CHECK(shape("directors", "select=name,films(count)") == "{name,films:[#{count}]}");
  CHECK(shape("films", "select=year,count") == "42803");
  CHECK(shape("films", "select=*,count") == "42803");
  CHECK(shape("films", "select=count,id.max()") == "42803");
  CHECK(shape("films", "select=count,directors(name)") == "42803");
  CHECK(shape("films", "select=title,...directors(count)") == "SHARD400");
}

TEST_CASE("a value knows the node that it is of, and * is one value a column") {
  const RelatedRequests requests;
  const Query query = parse_query("films", "select=title,...directors(*)", {}).value();
  const ResolvedNode tree = requests.resolved(query).value();
  const RowShape row = row_shape(tree).value();
  REQUIRE(row.members.size() == 3);
  CHECK(row.members[0].node == &tree);
  CHECK(row.members[2].node == &tree.embeds[0].node);
  CHECK(row.members[2].item == SelectItem{false, {"name", {}}, {}, {}});
}
