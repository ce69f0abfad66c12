// A page of rows that was asked for by cursor (after=), with links to the pages beside it.
#pragma once

#include <string>
#include <string_view>

#include "query/grammar/cursor.hpp"
#include "query/plan/routed_plan.hpp"
#include "router/execution/joined_rows.hpp"
#include "router/services/movies/table_request.hpp"

namespace shardplex::router {

/// The request's own target, in origin form, with another cursor: "/movies?limit=20&after=…". What a URI or a
/// field of an answer may not hold is percent-encoded.
std::string target_at(std::string_view target, std::string_view cursor);

/// SHARD400 where what is asked of a page is no page of rows.
Result<void> check_page_request(const TableRequest& request);

/// All rows of the page, and Link (RFC 8288): `next` where it is full, so that there may be more rows, and
/// `prev` where it does not begin with the first row; both where a page in front of a row was asked for, and
/// none where it is empty. Precondition: the plan has a page. SHARD400 where a row's values are too long for
/// a cursor or the link for a URL.
Awaitable<Result<Answer>> answer_page(TableRequest& request, const RowsRead& read, JoinedRows&& rows);

}  // namespace shardplex::router
