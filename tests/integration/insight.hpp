// A cluster of two shards and a router, for tests that only look at it.
#pragma once

#include "tests/integration/cluster.hpp"

namespace shardplex::integration {

struct InsightSite : Cluster {
  InsightSite()
      : Cluster({.shards = 2,
                 .replicas = 0,
                 .map = "hash",
                 .settings = {"shared_preload_libraries=pg_stat_statements"}}) {
    initialise();
    run_everywhere(
        "SET search_path TO public; CREATE TYPE rating AS ENUM ('G', 'PG'); "
        "ALTER TABLE ratings ADD FOREIGN KEY (movie_id) REFERENCES movies; "
        "ALTER TABLE movies ADD COLUMN rated rating, ADD COLUMN code varchar(8), "
        "  ADD COLUMN length int GENERATED ALWAYS AS (3) STORED; "
        "COMMENT ON TABLE movies IS E'Films\\n\\nOf all times.'; "
        "COMMENT ON COLUMN movies.rated IS 'Who may see it'");
    Database(conninfo("beta")).run("COMMENT ON TABLE movies IS 'Filme'");
    load("movies", make_movies({"--count", "100"}));
    load("genres", make_movies({"--genres"}));
  }
};

inline const Cluster& insight_cluster() {
  static const InsightSite site;
  return site;
}

inline const Router& insight_router() {
  static const Router shared(insight_cluster().map_file());
  return shared;
}

}  // namespace shardplex::integration
