// Rows of text as a test writes them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shard_schema/text_rows.hpp"

namespace shardplex::test {

inline constexpr std::nullopt_t null = std::nullopt;

class RowsOfText final : public TextRows {
 public:
  using Row = std::vector<std::optional<std::string>>;
  explicit RowsOfText(std::vector<Row> rows) : rows_(std::move(rows)) {}

  std::size_t size() const override { return rows_.size(); }
  std::optional<std::string_view> value(std::size_t row, std::size_t column) const override {
    const auto& cells = rows_.at(row);
    if (column >= cells.size()) return std::nullopt;  // nulls at the end may be left out
    return cells[column];
  }

 private:
  std::vector<Row> rows_;
};

}  // namespace shardplex::test
