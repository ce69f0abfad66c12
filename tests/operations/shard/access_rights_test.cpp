#include "operations/shard/access_rights.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "operations/shard/role_settings.hpp"

namespace shardplex::operations {
namespace {

AccessRight set_to(const std::string& setting, const std::string& value) {
  return {"setting " + setting + " of role web", "", "", "", setting, value};
}

}  // namespace

TEST_CASE("what a role is set to differs by its value, which is shown only where it is no secret") {
  const std::vector<AccessRight> here{set_to("app.key", "'sesame'"), set_to("TimeZone", "'UTC'"),
                                      set_to("work_mem", "'1MB'"), set_to("search_path", "'public'")};
  const std::vector<AccessRight> there{set_to("app.key", "'open'"), set_to("TimeZone", "'CET'"),
                                       set_to("work_mem", "'2MB'"), set_to("search_path", "'public'")};
  std::vector<std::string> texts;
  for (const auto& difference : access_differences(here, there, "alpha"))
    texts.push_back((difference.tunes ? "tunes: " : "") + difference.text);
  CHECK(texts == std::vector<std::string>{
                     "setting app.key of role web is not what it is on alpha (values are not shown)",
                     "setting TimeZone of role web is 'UTC', and 'CET' on alpha",
                     "tunes: setting work_mem of role web is '1MB', and '2MB' on alpha"});
  CHECK(access_differences(here, here, "alpha").empty());
  const auto lacking = access_differences({}, here, "alpha"), more = access_differences(here, {}, "alpha");
  REQUIRE((lacking.size() == 4 && more.size() == 4));
  CHECK(lacking[0].text == "it lacks setting app.key of role web (its value is not shown), which alpha has");
  CHECK(more[1].text == "it has setting TimeZone of role web to 'UTC', which alpha lacks");
}

TEST_CASE("a setting tunes where neither answers nor their safety depend on it") {
  for (const std::string name : {"work_mem", "statement_timeout", "enable_seqscan", "log_statement", "jit"})
    CHECK(only_tunes(name));
  for (const std::string name :
       {"synchronous_commit", "default_transaction_read_only", "search_path", "", "session_replication_role",
        "log_app.key", "app.work_mem", "row_security", "track"})
    CHECK_FALSE(only_tunes(name));
}

}  // namespace shardplex::operations
