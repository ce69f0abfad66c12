-- A request that the router answers without asking a shard.
wrk.method = "OPTIONS"
