#include <doctest/doctest.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "query/grammar/accept.hpp"
#include "query/grammar/preferences.hpp"

using namespace shardplex;

// ---- Prefer

TEST_CASE("everything that Prefer can say is read, served or not") {
  const Preferences all = read_prefer(
                              "resolution=merge-duplicates, missing=default,return=headers-only, "
                              "count=estimated, tx=rollback, handling=strict, "
                              "timezone=America/Los_Angeles, max-affected=5, partial=allow")
                              .preferences;
  CHECK(all.resolution == Resolution::merge_duplicates);
  CHECK(all.missing == MissingColumns::column_default);
  CHECK(all.returning == ReturnKind::headers_only);
  CHECK(all.count == CountKind::estimated);
  CHECK(all.tx == TransactionEnd::rollback);
  CHECK(all.strict);
  CHECK(all.timezone == "America/Los_Angeles");
  CHECK(all.max_affected == 5);
  CHECK(all.partial);
  CHECK(all.unknown.empty());
  CHECK(preference_applied(all, true) ==
        "resolution=merge-duplicates, missing=default, return=headers-only, count=estimated, tx=rollback, "
        "handling=strict, timezone=America/Los_Angeles, max-affected=5");
  CHECK(preference_applied(all, false) ==
        "count=estimated, tx=rollback, handling=strict, timezone=America/Los_Angeles, partial=allow");
}

TEST_CASE("of every preference the first counts, whatever stands behind it") {
  const Preferences first =
      read_prefer(
          "missing=null,missing=default,tx=commit,tx=rollback,count=exact,count=planned,"
          "resolution=ignore-duplicates,resolution=merge-duplicates,timezone=UTC,timezone=CET,"
          "max-affected=1,max-affected=2,handling=lenient,handling=strict")
          .preferences;
  CHECK(first.missing == MissingColumns::null);
  CHECK(first.tx == TransactionEnd::commit);
  CHECK(first.count == CountKind::exact);
  CHECK(first.resolution == Resolution::ignore_duplicates);
  CHECK(first.timezone == "UTC");
  CHECK(first.max_affected == 1);
  CHECK_FALSE(first.strict);
  // What is not served and does not count stands in nobody's way.
  CHECK(parse_prefer("count=exact, count=planned").value().count == CountKind::exact);
  CHECK(parse_prefer("count=planned, count=exact").value().count == CountKind::planned);
  // A value that means nothing is not the first.
  CHECK(parse_prefer("count=all, count=exact").value().count == CountKind::exact);
}

TEST_CASE("a time zone is kept as it is written, and an empty one is no preference") {
  CHECK(read_prefer("TimeZone = Europe/Rome").preferences.timezone == "Europe/Rome");
  CHECK(read_prefer("timezone=+02:00").preferences.timezone == "+02:00");
  CHECK(read_prefer("timezone=").preferences.unknown == std::vector<std::string>{"timezone="});
}

TEST_CASE("a time zone is served where requests may have one, and what no server knows is unknown") {
  CHECK(parse_prefer("timezone=UTC").error().code == "SHARD400");
  CHECK(served_preferences(read_prefer("timezone=UTC")).value().timezone == "UTC");
  CHECK(served_preferences(read_prefer("timezone=UTC, tx=rollback")).error().code == "SHARD400");
  const auto unknown = without_time_zone(read_prefer("timezone=Jupiter/Red_Spot, count=exact"));
  CHECK(unknown.preferences.timezone == std::nullopt);
  CHECK(preference_applied(served_preferences(unknown).value(), false) == "count=exact");
  const auto strict = without_time_zone(read_prefer("handling=strict, timezone=Jupiter/Red_Spot"));
  CHECK(served_preferences(strict).error().code == "PGRST122");
  CHECK(served_preferences(strict).error().details == "Invalid preferences: timezone=Jupiter/Red_Spot");
  CHECK(without_time_zone(read_prefer("count=exact")).preferences.unknown.empty());
}

TEST_CASE("partial=allow is a preference of reads, and unknown where nothing can be answered in part") {
  const auto both = parse_prefer("Partial = Allow, partial=allow, count=exact").value();
  CHECK(both.partial);
  CHECK(preference_applied(both, false) == "count=exact, partial=allow");
  CHECK(preference_applied(both, true) == "count=exact");
  for (const char* wrong : {"partial", "partial=", "partial=deny", "partial=\"yes\""}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_prefer(wrong).value().partial);
    CHECK(parse_prefer("handling=strict, " + std::string(wrong)).error().code == "PGRST122");
  }
  const auto lenient = without_partial(read_prefer("partial=allow, count=exact"));
  CHECK(lenient.preferences.unknown == std::vector<std::string>{"partial=allow"});
  CHECK(preference_applied(served_preferences(lenient).value(), false) == "count=exact");
  const auto strict = served_preferences(without_partial(read_prefer("handling=strict, partial=allow")));
  CHECK(strict.error().code == "PGRST122");
  CHECK(strict.error().details == "Invalid preferences: partial=allow");
  CHECK(without_partial(read_prefer("count=exact")).preferences.unknown.empty());
}

// ---- Accept

namespace {

MediaType type(MediaKind kind, std::string name, bool nulls_stripped = false) {
  return {kind, std::move(name), nulls_stripped};
}

}  // namespace

TEST_CASE("media types are read in any case, with the parameters that mean something") {
  const std::pair<const char*, MediaType> rows[] = {
      {"*/*", type(MediaKind::any, "*/*")},
      {"application/*", type(MediaKind::any, "application/*")},
      {"Application/JSON; charset=utf-8", type(MediaKind::json, "application/json")},
      {"application/json;nulls=stripped", type(MediaKind::json, "application/json")},
      {"application/vnd.pgrst.array+json;nulls=stripped",
       type(MediaKind::array, "application/vnd.pgrst.array+json", true)},
      {"application/vnd.pgrst.object ; NULLS = \"Stripped\"",
       type(MediaKind::object, "application/vnd.pgrst.object", true)},
      {"application/vnd.pgrst.object+json;nulls=kept",
       type(MediaKind::object, "application/vnd.pgrst.object+json")},
      {"TEXT/CSV", type(MediaKind::csv, "text/csv")},
      {"application/x-ndjson", type(MediaKind::ndjson, "application/x-ndjson")},
      {"application/geo+json", type(MediaKind::geojson, "application/geo+json")},
      {"text/plain", type(MediaKind::text, "text/plain")},
      {"text/xml", type(MediaKind::xml, "text/xml")},
      {"application/octet-stream", type(MediaKind::octet_stream, "application/octet-stream")},
      {"application/openapi+json", type(MediaKind::openapi, "application/openapi+json")},
      {"application/x-www-form-urlencoded", type(MediaKind::form, "application/x-www-form-urlencoded")},
      {"text/html;level=1", type(MediaKind::other, "text/html")},
      {"text/*", type(MediaKind::other, "text/*")},
      {"", type(MediaKind::other, "")},
  };
  for (const auto& [text, expected] : rows) {
    CAPTURE(text);
    CHECK(read_media_type(text) == expected);
  }
}

TEST_CASE("a plan is asked for in a format, of an answer, with options") {
  const auto plan = [](const char* text) { return read_media_type(text).plan.value(); };
  CHECK(plan("application/vnd.pgrst.plan") == PlanAsked{});
  CHECK(plan("application/vnd.pgrst.plan+text") == PlanAsked{});
  CHECK(plan("application/vnd.pgrst.plan+json").format == PlanAsked::Format::json);
  const PlanAsked all = plan(
      "application/vnd.pgrst.plan+json; "
      "for=\"application/vnd.pgrst.object+json;nulls=stripped\"; "
      "options=analyze|Verbose|settings|buffers|wal|costs");
  CHECK(all.of == MediaKind::object);
  CHECK(all.of_nulls_stripped);
  CHECK((all.analyze && all.verbose && all.settings && all.buffers && all.wal));
  CHECK(plan("application/vnd.pgrst.plan;options=\"analyze | wal\";for=\"text\\/csv\"").wal);
  CHECK(plan("application/vnd.pgrst.plan;options=;for=").of == MediaKind::other);
  CHECK(to_string(read_media_type("application/vnd.pgrst.plan;options=wal|analyze")) ==
        "application/vnd.pgrst.plan+text; for=\"application/json\"; options=analyze|wal");
  CHECK(to_string(read_media_type("application/vnd.pgrst.object;nulls=stripped")) ==
        "application/vnd.pgrst.object+json;nulls=stripped");
  CHECK(to_string(read_media_type("Text/HTML")) == "text/html");
}

TEST_CASE("a plan is accepted where plans are on offer, of an answer that is") {
  const auto plan_of = [](const char* accept) { return parse_accept(accept, true).value(); };
  CHECK(plan_of("application/vnd.pgrst.plan") == AcceptedAnswer{Shape::array, PlanAsked{}});
  CHECK(plan_of("application/vnd.pgrst.plan+json; for=\"text/csv\"").shape == Shape::csv);
  CHECK(
      plan_of("application/vnd.pgrst.plan;for=\"application/vnd.pgrst.object+json;nulls=stripped\"").shape ==
      Shape::stripped_object);
  CHECK(plan_of("application/vnd.pgrst.plan;for=*/*").shape == Shape::array);
  CHECK(plan_of("application/json, application/vnd.pgrst.plan") == AcceptedAnswer{});
  CHECK(plan_of("application/json;q=0.5, application/vnd.pgrst.plan").plan.has_value());
  CHECK(plan_of("application/vnd.pgrst.plan;for=\"image/png\", text/csv") == AcceptedAnswer{Shape::csv});
  CHECK(parse_accept("application/vnd.pgrst.plan;q=0, */*", true).value() == AcceptedAnswer{});
  for (const auto* refused :
       {"application/vnd.pgrst.plan;for=\"image/png\"", "application/vnd.pgrst.plan;for=", "text/html",
        "application/vnd.pgrst.plan;for=\"application/vnd.pgrst.plan\""}) {
    CAPTURE(refused);
    CHECK(parse_accept(refused, true).error().code == "PGRST107");
  }
  CHECK(parse_accept("application/vnd.pgrst.plan", false).error().code == "PGRST107");
  CHECK(parse_accept("application/vnd.pgrst.plan, text/csv", false).value() == AcceptedAnswer{Shape::csv});
}

TEST_CASE("Features are accepted where they are on offer, and else a 406 says what they are for") {
  CHECK(parse_accept("application/geo+json", false, true).value() == AcceptedAnswer{Shape::features});
  CHECK(parse_accept("*/*, application/json;q=0.9", false, true).value() == AcceptedAnswer{});
  CHECK(parse_accept("application/geo+json, application/json;q=0.1", false, false).value() ==
        AcceptedAnswer{});
  CHECK(parse_accept("application/vnd.pgrst.plan;for=\"application/geo+json\"", true, true).value().shape ==
        Shape::features);
  CHECK(content_type(Shape::features) == "application/geo+json; charset=utf-8");
  const auto refused = parse_accept("application/geo+json", false, false);
  REQUIRE(refused.has_error());
  CHECK(refused.error().code == "PGRST107");
  CHECK(refused.error().message == "None of these media types are available: application/geo+json");
  CHECK(refused.error().details.value_or("").find("PostGIS") != std::string::npos);
  CHECK_FALSE(parse_accept("text/html", false, false).error().details.has_value());
  CHECK(parse_accept("text/html", false, true).error().hint.value_or("").find("application/geo+json") !=
        std::string::npos);
}

TEST_CASE("a plan's Content-Type says what it is of, and its options") {
  CHECK(content_type(PlanAsked{}) ==
        "application/vnd.pgrst.plan+text; for=\"application/json\"; charset=utf-8");
  PlanAsked asked{PlanAsked::Format::json, MediaKind::object, true};
  asked.analyze = asked.buffers = true;
  CHECK(content_type(asked) ==
        "application/vnd.pgrst.plan+json; for=\"application/vnd.pgrst.object+json;nulls=stripped\"; "
        "options=analyze|buffers; charset=utf-8");
}

TEST_CASE("what Accept names is in the order of preference") {
  std::vector<std::string> names;
  for (const auto& accepted :
       read_accept("text/csv;q=0.5, */*, application/json, text/html;q=0, text/xml;q=0.5, text/plain;Q=2,"
                   "application/geo+json;q=nan"))
    names.push_back(accepted.type.name);
  CHECK(names == std::vector<std::string>{"application/json", "text/plain", "application/geo+json", "*/*",
                                          "text/csv", "text/xml", "text/html"});
  const auto several = read_accept("text/*, a/b;x=1;q=0.5, */*;x=1, a/b ; x=\"1;2\"; y=2");
  std::vector<int> specificities;
  for (const auto& accepted : several) specificities.push_back(accepted.specificity);
  CHECK(specificities == std::vector<int>{2, -1, -1, 1});
}

TEST_CASE(
    "stripped nulls are of PostgREST's own types alone, so plain JSON is served whatever it says of them") {
  CHECK(parse_accept("application/json;nulls=stripped").value() == Shape::array);
  CHECK(parse_accept("text/csv;nulls=stripped").value() == Shape::csv);
  CHECK(parse_accept("application/vnd.pgrst.array+json;nulls=stripped").value() == Shape::stripped_array);
  CHECK(parse_accept("application/vnd.pgrst.array+json;nulls=kept").value() == Shape::array);
}

TEST_CASE("any bytes in Accept are read and named") {
  static constexpr std::string_view bytes =
      "application/vnd.pgrst.plan+json;for=\"text/csv\"options=analyze|wal,;q=0.1e-*/ \t\xff\0\\";
  for (std::uint64_t seed = 1; seed <= 5'000; ++seed) {
    std::mt19937_64 random(seed);
    std::string header = random() % 2 == 0 ? "application/vnd.pgrst.plan;" : "";
    for (std::size_t n = random() % 60; n > 0; --n) header.push_back(bytes[random() % bytes.size()]);
    CAPTURE(seed);
    for (const auto& accepted : read_accept(header)) {
      const bool is_weight = accepted.quality >= 0 && accepted.quality <= 1;
      REQUIRE(is_weight);
      static_cast<void>(to_string(accepted.type));
    }
    static_cast<void>(read_prefer(header));
  }
}
