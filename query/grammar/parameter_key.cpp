#include "query/grammar/parameter_key.hpp"

#include <utility>

#include "query/grammar/read_field.hpp"

namespace shardplex::grammar {
namespace {

struct ReservedRow {
  std::string_view name;
  Parameter parameter;
  bool of_embeds;  ///< also the last name of a path
};

constexpr ReservedRow reserved_rows[] = {
    {"select", Parameter::select, false},   {"order", Parameter::order, true},
    {"limit", Parameter::limit, true},      {"offset", Parameter::offset, true},
    {"columns", Parameter::columns, false}, {"on_conflict", Parameter::on_conflict, false},
    {"and", Parameter::and_, true},         {"or", Parameter::or_, true},
    {"not.and", Parameter::not_and, true},  {"not.or", Parameter::not_or, true},
    {"after", Parameter::after, false},
};

/// Takes a reserved word that is all that is left of the key.
const ReservedRow* take_reserved(Reader& in) {
  const ReservedRow* row = find_row(reserved_rows, in.rest());
  if (row) in.advance(row->name.size());
  return row;
}

}  // namespace

constexpr std::array<std::string_view, 11> names_of_rows() {
  std::array<std::string_view, 11> names;
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = reserved_rows[i].name;
  return names;
}
const std::array<std::string_view, 11> reserved_names = names_of_rows();

bool read_parameter_key(Reader& in, ParameterKey& key) {
  if (const ReservedRow* row = take_reserved(in)) {
    key.parameter = row->parameter;
    return true;
  }
  while (true) {
    if (!read_field(in, key.field)) return false;
    if (!key.field.path.empty() || !in.take('.'))
      return in.expect_end("json path, delimiter (.) or end of input");
    key.path.push_back(std::move(key.field.column));
    const std::size_t start = in.position();
    if (const ReservedRow* row = take_reserved(in)) {
      key.parameter = row->parameter;
      if (row->of_embeds) return true;
      key.parameter = Parameter::filter;
      in.rewind(start);
    }
  }
}

}  // namespace shardplex::grammar
