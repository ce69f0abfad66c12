#include "query/resolve/value_media.hpp"

#include "query/grammar/media_domain.hpp"

namespace shardplex {
namespace {

bool asks_for_all(const Query& rows) {
  const SelectItem all{.star = true, .field = {}, .alias = {}, .cast = {}};
  if (!rows.embeds.empty() || rows.select.size() > 1) return false;
  return rows.select.empty() || rows.select.front() == all;
}

}  // namespace

std::string value_media(const Function& function, const Query& rows) {
  const bool is_one_value = function.returns == Function::Returns::value && !function.returns_set;
  if (!is_one_value || !asks_for_all(rows)) return {};
  const Column& value = function.columns.front();
  if (value.base_type_name.empty()) return {};  // of a type that is no domain
  return media_type_of_domain(value.type_name).value_or("");
}

bool is_of_bytes(const Column& value) {
  const bool is_domain = !value.base_type_name.empty();
  return (is_domain ? value.base_type_name : value.type_name) == "bytea" &&
         (is_domain ? value.base_type_schema : value.type_schema) == "pg_catalog";
}

}  // namespace shardplex
