// The body of a write as CSV, and as a form.
#include <string>
#include <vector>

#include "query/grammar/csv_body.hpp"
#include "query/grammar/form_body.hpp"
#include "query/grammar/row_texts.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace shardplex::fuzz {
namespace {

const std::vector<std::string> watched{"id", "primary_genre"};

void check_csv(const CsvRows& rows) {
  const auto again = read_body(rows.json, std::vector<std::string>{}, false);
  invariant(again.has_value(), "CSV becomes JSON");
  invariant(again->rows == rows.body.rows, "each line is a row");
  invariant(row_texts(rows.json).size() == rows.body.rows, "each row is a text");
  invariant(rows.members.size() == rows.body.keys.size(), "each key has a member");
  for (const auto& column : rows.body.watched)
    invariant(column.size() == rows.body.rows, "a row has one of each watched column");
}

}  // namespace

void take(std::string_view input) {
  const auto csv = read_csv(input, watched);
  if (csv)
    check_csv(*csv);
  else
    check_error(csv.error());
  const auto form = form_as_json(input);
  if (form)
    invariant(read_body(*form, watched, true).has_value(), "a form becomes an object");
  else
    check_error(form.error());
}

}  // namespace shardplex::fuzz
