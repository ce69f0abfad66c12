// A ResultSet as the decoders of shard_schema/ take it.
#pragma once

#include <type_traits>
#include <utility>

#include "postgres/failure.hpp"
#include "postgres/result_set.hpp"
#include "shard_schema/text_rows.hpp"

namespace shardplex::postgres {

/// The failure of a server whose answer is not what its statement gives. `what` goes into the message.
Failure unexpected_answer(std::string_view what);

/// What decode() makes of an answer; unexpected_answer() where it cannot be understood.
template <class Decode>
Outcome<std::invoke_result_t<Decode>> decoded(Decode decode) try {
  return decode();
} catch (const UnexpectedAnswer& unexpected) {
  return unexpected_answer(unexpected.what());
}

/// Points to the ResultSet. A column that it does not have is null.
class ResultRows final : public TextRows {
 public:
  explicit ResultRows(const ResultSet& result) : result_(result) {}

  std::size_t size() const override { return static_cast<std::size_t>(result_.rows()); }
  std::optional<std::string_view> value(std::size_t row, std::size_t column) const override {
    const int r = static_cast<int>(row), c = static_cast<int>(column);
    if (c >= result_.columns() || result_.is_null(r, c)) return std::nullopt;
    return result_.bytes(r, c);
  }

 private:
  const ResultSet& result_;
};

}  // namespace shardplex::postgres
