#include "router/services/movies/table_request.hpp"

#include "query/plan/key_filter.hpp"

namespace shardplex::router {

bool names_one_row(const TableRequest& request) {
  return shardplex::names_one_row(request.query.filters, *request.table);
}

}  // namespace shardplex::router
