// A pqxx::result as the decoders of shard_schema/ take it.
#pragma once

#include <optional>
#include <pqxx/pqxx>
#include <string_view>
#include <utility>

#include "shard_schema/text_rows.hpp"

namespace shardplex::operations {

class PqxxRows final : public TextRows {
 public:
  explicit PqxxRows(pqxx::result result) : result_(std::move(result)) {}

  std::size_t size() const override { return result_.size(); }
  std::optional<std::string_view> value(std::size_t row, std::size_t column) const override {
    const pqxx::field field(result_[static_cast<pqxx::result::size_type>(row)],
                            static_cast<pqxx::row::size_type>(column));
    if (field.is_null()) return std::nullopt;
    return std::string_view(field.c_str(), field.size());  // the result's own memory
  }

 private:
  pqxx::result result_;
};

}  // namespace shardplex::operations
