// Operators fed with rows of text.
#pragma once

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <variant>
#include <vector>

#include "query/engine/operator.hpp"

namespace shardplex::fixtures {

using Texts = std::vector<std::string>;

/// "a1": sorts by its first letter only, where it has to carry a key.
inline Row row(const std::string& text, std::size_t keys = 1) {
  Row out{text, {}};
  if (keys > 0) out.keys.push_back(text.substr(0, 1));
  return out;
}

/// The text of every row that the operator gives. It gets `window` rows of an input whenever it needs some; a
/// row "!" stands for an input that fails there. An answer that fails ends in "!".
inline Texts answer_of(RowOperator& rows, const std::vector<Texts>& inputs, std::size_t window = 1) {
  std::vector<std::size_t> fed(inputs.size());
  const auto feed = [&](std::size_t input) {
    for (std::size_t i = 0; i < window && fed[input] < inputs[input].size(); ++i) {
      const auto& text = inputs[input][fed[input]++];
      if (text == "!") return rows.fail(input, Error{"SHARD503", "gone", {}, {}, {}});
      rows.push(input, row(text, rows.key_count(input)));
    }
    if (fed[input] == inputs[input].size()) rows.finish(input);
  };
  Texts out;
  for (;;) {
    const auto step = rows.next();
    if (std::holds_alternative<RowOperator::Done>(step)) return out;
    if (const auto* error = std::get_if<Error>(&step)) {
      CHECK(error->code == "SHARD503");
      out.push_back("!");
      return out;
    }
    if (const auto* got = std::get_if<Row>(&step)) {
      out.push_back(got->json);
      continue;
    }
    feed(std::get<RowOperator::Needs>(step).input);
  }
}

/// The input that the operator needs next; it has to need one.
inline std::size_t needed(RowOperator& rows) {
  const auto step = rows.next();
  REQUIRE(std::holds_alternative<RowOperator::Needs>(step));
  return std::get<RowOperator::Needs>(step).input;
}

/// The text of the operator's next row; it has to have one.
inline std::string next_row(RowOperator& rows) {
  const auto step = rows.next();
  REQUIRE(std::holds_alternative<Row>(step));
  return std::get<Row>(step).json;
}

inline bool is_done(RowOperator& rows) {
  return std::holds_alternative<RowOperator::Done>(rows.next());
}

}  // namespace shardplex::fixtures
