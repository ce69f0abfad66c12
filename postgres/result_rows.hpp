// A ResultSet as the decoders of shard_schema/ take it.
#pragma once

#include "postgres/result_set.hpp"
#include "shard_schema/text_rows.hpp"

namespace shardplex::postgres {

/// Points to the ResultSet, whose columns are all text.
class ResultRows final : public TextRows {
 public:
  explicit ResultRows(const ResultSet& result) : result_(result) {}

  std::size_t size() const override { return static_cast<std::size_t>(result_.rows()); }
  std::optional<std::string_view> value(std::size_t row, std::size_t column) const override {
    const int r = static_cast<int>(row), c = static_cast<int>(column);
    if (result_.is_null(r, c)) return std::nullopt;
    return result_.bytes(r, c);
  }

 private:
  const ResultSet& result_;
};

}  // namespace shardplex::postgres
