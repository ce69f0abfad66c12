// Writes of rows whose shard key has several columns.
#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "query/grammar/parse.hpp"
#include "query/plan/plan.hpp"
#include "tests/query/composite_tables.hpp"

using namespace shardplex;
using namespace shardplex::fixtures;

namespace {

/// Writes of one of the tables.
struct CompositeSubject {
  Table table;
  ShardMap map = composite_map();

  RoutedTable routed() const { return in_map(table, map); }
  Query query(std::string_view text) const { return parse_query(table.name, text, {}).value(); }
  Result<WritePlan> insert(std::string_view body) const {
    auto plan = plan_insert(query(""), body, {}, routed());
    if (!plan) return plan.error();
    CHECK(plan->key_column() == nullptr);
    CHECK(plan->missing_keys() == 0);
    return std::move(*plan).with_keys({});
  }
  Result<WritePlan> update(std::string_view text, std::string_view body) const {
    return plan_update(query(text), body, {}, routed());
  }
  Result<WritePlan> put(std::string_view text, std::string_view body) const {
    return plan_put(query(text), body, {}, routed());
  }
};

const CompositeSubject of_notes_table{notes()}, of_lines_table{lines()};

SlotSet only(Slot slot) {
  SlotSet slots = SlotSet::none(1024);
  slots.insert(slot);
  return slots;
}

std::string code_of(const Result<WritePlan>& plan) {
  return plan ? "" : plan.error().code;
}

}  // namespace

TEST_CASE("an inserted row has all columns of its key, and its slot by all of them") {
  const auto plan = of_notes_table.insert(R"({"tenant":"a","id":" 5","title":"x"})").value();
  CHECK(plan.slots == only(slot_of_note("a", "5")));
  CHECK(plan.head.sql.find("(\"title\", \"tenant\", \"id\", \"shardplex_slot\")") != std::string::npos);
  CHECK(plan.head.params[1] == R"({"a"})");
  CHECK(plan.head.params[2] == R"({"5"})");
  CHECK(plan.head.params[3] == "{\"" + std::to_string(slot_of_note("a", "5").value) + "\"}");
  CHECK(plan.placed ==
        "\"notes\".\"tenant\" = ($2::\"pg_catalog\".\"text\"[])[1] AND \"notes\".\"id\" = "
        "($3::\"pg_catalog\".\"int8\"[])[1] AND \"notes\".\"shardplex_slot\" = ($4::int4[])[1]");
  const auto two = of_notes_table.insert(R"([{"tenant":"a","id":5},{"tenant":"b","id":6}])").value();
  CHECK(two.slots->contains(slot_of_note("a", "5")));
  CHECK(two.slots->contains(slot_of_note("b", "6")));
  CHECK(two.head.params[0] == R"({"a","b"})");
  CHECK(two.head.params[1] == R"({"5","6"})");
}

TEST_CASE("no column of a key is handed out, and none is null") {
  for (const auto* body :
       {R"({"tenant":"a"})", R"({"id":5})", R"({"title":"x"})", R"({"tenant":null,"id":5})",
        R"({"tenant":"a","id":null})", R"([{"tenant":"a","id":5},{"tenant":"a","id":null}])"}) {
    CAPTURE(std::string(body));
    CHECK(code_of(of_notes_table.insert(body)) == "23502");
  }
  CHECK(of_notes_table.insert(R"({"tenant":"a"})").error().message ==
        "null value in column \"id\" of relation \"notes\" violates not-null constraint");
  CHECK(code_of(of_notes_table.insert(R"({"tenant":"a","id":"five"})")) == "22P02");
}

TEST_CASE("a key may be set to what it is, column by column, and to nothing else") {
  const auto& subject = of_notes_table;
  const auto same = subject.update("tenant=eq.a&id=eq.5", R"({"tenant":"a","id":5,"title":"x"})").value();
  CHECK(same.slots == only(slot_of_note("a", "5")));
  CHECK(same.placed.find("\"notes\".\"tenant\" = $") != std::string::npos);
  CHECK(same.placed.find("\"notes\".\"id\" = $") != std::string::npos);
  CHECK(subject.update("tenant=eq.a&id=eq.5", R"({"id":"05"})").has_value());
  CHECK(subject.update("tenant=eq.a", R"({"tenant":"a"})").has_value());
  for (const auto* body :
       {R"({"tenant":"b"})", R"({"id":6})", R"({"tenant":"a","id":6})", R"({"id":null})"}) {
    CAPTURE(std::string(body));
    CHECK(code_of(subject.update("tenant=eq.a&id=eq.5", body)) == "SHARD400");
  }
  CHECK(code_of(subject.update("tenant=eq.a", R"({"id":5})")) == "SHARD400");
  CHECK(code_of(subject.update("tenant=in.(a,b)&id=eq.5", R"({"tenant":"a"})")) == "SHARD400");
}

TEST_CASE("rows that are named by a part of their key are held to where they were") {
  const auto plan = of_notes_table.update("tenant=eq.a", R"({"title":"x"})").value();
  CHECK(plan.slots->is_all());
  CHECK(plan.placed ==
        "current_setting('shardplex.place', true) = ROW(\"notes\".\"tenant\", \"notes\".\"id\", "
        "\"notes\".\"shardplex_slot\")::text");
}

TEST_CASE("text that is no value of a column of the key is refused before any shard is asked") {
  CHECK(code_of(of_notes_table.update("tenant=eq.a&id=eq.five", R"({"title":"x"})")) == "22P02");
}

TEST_CASE("a put names the primary key, which has to hold all of the shard key") {
  const auto plan = of_notes_table.put("id=eq.5&tenant=eq.a", R"({"tenant":"a","title":"x"})").value();
  CHECK(plan.slots == only(slot_of_note("a", "5")));
  CHECK(plan.head.sql.find("ON CONFLICT (\"tenant\", \"id\")") != std::string::npos);
  CHECK(code_of(of_notes_table.put("id=eq.5&tenant=eq.a", R"({"tenant":"b"})")) == "PGRST115");
  CHECK(code_of(of_notes_table.put("id=eq.5", "{}")) == "PGRST105");
  CHECK(of_lines_table.put("of_tenant=eq.a&of_note=eq.5&number=eq.1", "{}").value().slots ==
        only(slot_of_note("a", "5")));

  CompositeSubject apart{lines()};
  apart.table.primary_key = {"of_note", "number"};
  const auto refused = apart.put("of_note=eq.5&number=eq.1", R"({"of_tenant":"a"})");
  CHECK(code_of(refused) == "SHARD400");
  CHECK(refused.error().details->find("of lines does not contain of_tenant,") != std::string::npos);
}
