// The rows of an answer as its body: the one place that tells the shapes apart.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "query/engine/row_format.hpp"
#include "query/error.hpp"
#include "query/grammar/accept.hpp"

namespace shardplex::router {

/// What the rows of an answer of this shape have to be before they are added to its body. `in_utc`: whether
/// the statement that gives them is known to run in UTC.
RowFormat row_format(Shape shape, bool in_utc = false);

/// Makes a body of rows as they come, so that a part of it can be sent before the rest is there.
class RowsBody {
 public:
  /// `header`: RowText::header() of the rows.
  RowsBody(Shape shape, std::string header) : shape_(shape), header_(std::move(header)) {}

  /// Appends the next row, with what stands before it. Errors: those of append_without_nulls(), where nulls
  /// are stripped, and of append_feature(); the body cannot be completed then. Precondition: a body of one
  /// object is given one row.
  Result<void> add(std::string& out, std::string_view row);

  /// Appends what stands behind the last row.
  void end(std::string& out) const;

  std::uint64_t rows() const { return rows_; }  ///< so far

 private:
  Shape shape_;
  std::string header_;
  std::uint64_t rows_ = 0;
};

}  // namespace shardplex::router
