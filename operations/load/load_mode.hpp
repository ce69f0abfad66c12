// What a load does with rows that are there already.
#pragma once

#include <cstdint>

namespace shardplex::operations {

enum class LoadMode : std::uint8_t {
  insert,   ///< a row that is there already is a bad row
  upsert,   ///< of a row whose primary key is there the columns given are replaced
  replace,  ///< a reference table has the rows of the input afterwards, and no others
};

}  // namespace shardplex::operations
