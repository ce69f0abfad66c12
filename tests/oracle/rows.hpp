// The rows of a schema. Pure.
#pragma once

#include <map>
#include <string>

#include "tests/oracle/schema.hpp"

namespace shardplex::oracle {

/// By table. All members of a row are texts as PostgreSQL reads them, null, or the JSON of a JSON column.
using Rows = std::map<std::string, integration::SampleObjects>;

Rows make_rows(const Schema& schema, Random& random);

/// Whether all keys that PostgreSQL keeps hold.
bool is_whole(const Schema& schema, const Rows& rows);

/// The same rows without what is left out of the schema.
Rows without_left_out(const Schema& schema, const Rows& rows);

}  // namespace shardplex::oracle
