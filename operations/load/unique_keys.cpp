#include "operations/load/unique_keys.hpp"

#include <boost/endian/conversion.hpp>

#include "shard_map/invariant.hpp"

namespace shardplex::operations {

std::optional<std::uint64_t> UniqueKeys::add(std::string_view canonical, std::uint64_t line) {
  const auto first_line = [line](const auto& inserted) -> std::optional<std::uint64_t> {
    if (inserted.second) return std::nullopt;
    return inserted.first->second;
  };
  if (type_ != KeyType::integer) return first_line(others_.emplace(std::string(canonical), line));
  invariant(canonical.size() == sizeof(std::int64_t), "an integer key is 8 bytes");
  const auto* bytes = reinterpret_cast<const unsigned char*>(canonical.data());
  return first_line(integers_.emplace(boost::endian::load_little_s64(bytes), line));
}

}  // namespace shardplex::operations
