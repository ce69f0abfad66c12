#include "postgres/result_set.hpp"

#include <charconv>

namespace shardplex::postgres {
namespace {

template <class Integer>
Integer big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return static_cast<Integer>(value);
}

}  // namespace

std::optional<std::int64_t> ResultSet::integer(int row, int column) const {
  if (row >= rows() || column >= columns() || !is_binary(column)) return std::nullopt;
  const std::string_view value = bytes(row, column);
  switch (value.size()) {
    case 2:
      return big_endian<std::int16_t>(value);
    case 4:
      return big_endian<std::int32_t>(value);
    case 8:
      return big_endian<std::int64_t>(value);
    default:
      return std::nullopt;
  }
}

std::uint64_t ResultSet::affected_rows() const {
  const std::string_view count = PQcmdTuples(result_.get());
  std::uint64_t rows = 0;
  std::from_chars(count.data(), count.data() + count.size(), rows);
  return rows;
}

}  // namespace shardplex::postgres
