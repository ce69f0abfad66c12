// A request over the related tables, resolved.
#pragma once

#include <string>
#include <string_view>

#include "query/grammar/parse.hpp"
#include "query/resolve/read_tree.hpp"
#include "tests/query/related_tables.hpp"

namespace shardplex::test {

struct RelatedRequests {
  Catalogue catalogue = fixtures::related_tables();
  Relations relations{catalogue};

  /// `table?text`. Lifetime: refers to the query.
  Result<ResolvedNode> resolved(const Query& query) const {
    return resolve(query, catalogue.tables.at(query.table), catalogue, relations);
  }
  Error refusal(std::string_view table, std::string_view text) const {
    const auto query = parse_query(table, text, {});
    if (!query) return query.error();
    const auto tree = resolved(*query);
    return tree ? Error{} : tree.error();
  }
};

}  // namespace shardplex::test
