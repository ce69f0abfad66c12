// Decimal numbers of any size, as PostgreSQL's type numeric has them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace shardplex {

/// A value of numeric, without the digits that it is shown with: equal values are equal.
struct Decimal {
  enum class Kind : std::uint8_t { finite, nan, infinity, minus_infinity };
  Kind kind = Kind::finite;
  bool negative = false;      ///< false for zero
  std::string digits = {};    ///< without zeros at either end; "" for zero
  std::int64_t exponent = 0;  ///< the value is digits · 10^exponent; 0 for zero
  bool operator==(const Decimal&) const = default;
};

/// The number that numeric_in() of PostgreSQL 15 reads in `text`, which may have ASCII white space around it;
/// nullopt where that reads none. Of what it reads only white space behind an e ("1e 5") is left out. Numbers
/// that are too big or too small for numeric are read too.
std::optional<Decimal> read_decimal(std::string_view text);

/// What a column of numeric(p, s) stores of the value: `scale` is s, the digits behind the point that are
/// kept (where it is negative, as many before the point are not), and halves go away from zero.
Decimal rounded(const Decimal& value, std::int64_t scale);

/// "-15e-1", "3", "NaN", "-Infinity": one text for each value, which read_decimal() reads.
std::string decimal_text(const Decimal& value);

/// The value where it is a whole number in the range of bigint.
std::optional<std::int64_t> whole_number(const Decimal& value);

}  // namespace shardplex
