// Why a column cannot be a shard key, or not any more.
#include <algorithm>
#include <array>
#include <string_view>

#include "query/catalogue/catalogue.hpp"
#include "shard_map/joined.hpp"

namespace shardplex {
namespace {

struct TypeReason {
  std::string_view type, reason;  ///< pg_type.typname
};

constexpr std::string_view
    of_floats = "it rounds what it is given, and equal values have several texts (0 and -0)",
    of_times = "what a text means depends on DateStyle, and fractions are rounded",
    of_zoned_times = "what a text means depends on the session's time zone, and fractions are rounded",
    of_spellings = "equal values have several texts",
    of_no_equality = "PostgreSQL has no equality for it that could be hashed";

constexpr auto type_reasons = std::to_array<TypeReason>({
    {"float4", of_floats},
    {"float8", of_floats},
    {"timestamp", of_times},
    {"timestamptz", of_zoned_times},
    {"time", of_times},
    {"timetz", of_zoned_times},
    {"interval", "equal values have several texts (1 day and 24 hours)"},
    {"json", of_no_equality},
    {"jsonb", "equal values have several texts (1.0 and 1.00, members in any order)"},
    {"xml", of_no_equality},
    {"point", of_no_equality},
    {"line", of_no_equality},
    {"lseg", of_no_equality},
    {"box", of_no_equality},
    {"path", of_no_equality},
    {"polygon", of_no_equality},
    {"circle", of_no_equality},
    {"bytea", "equal values have several texts (\\x4142 and AB)"},
    {"money", "what a text means depends on the server's locale"},
    {"inet", of_spellings},
    {"cidr", of_spellings},
    {"macaddr", of_spellings},
    {"macaddr8", of_spellings},
    {"bit", "equal values have several texts (B101 and X5)"},
    {"varbit", "equal values have several texts (B101 and X5)"},
    {"name", "what is longer than 63 bytes is cut (use text)"},
    {"oid", "equal values have several texts (-1 and 4294967295; use bigint)"},
});

std::string_view reason_of_type(std::string_view type, std::string_view schema) {
  if (type.starts_with('_')) return "it is made of several values";
  const auto found = std::ranges::find(type_reasons, type, &TypeReason::type);
  if (schema == "pg_catalog" && found != type_reasons.end()) return found->reason;
  return "which of its values are equal is not known outside PostgreSQL";
}

}  // namespace

std::string key_refusal(const Column& column) {
  const std::string keys =
      "; keys are of an integer type, text, varchar, char, uuid, date, boolean, numeric, citext or an enum";
  const std::string& base = column.base_type_name;
  if (base.empty()) return std::string(reason_of_type(column.type_name, column.type_schema)) + keys;
  const bool hides_its_size =
      column.base_type_schema == "pg_catalog" && (base == "varchar" || base == "bpchar" || base == "numeric");
  return "it is a domain over " + base +
         (hides_its_size ? ", which does not say the length or scale of its values" : "") + keys +
         ", or a domain over an integer type, text, uuid, date or boolean";
}

std::optional<std::string> labels_problem(const Table& table, const Column& column,
                                          const std::vector<std::string>& placed) {
  auto next = placed.begin();
  for (const auto& label : column.enum_labels)
    if (next != placed.end() && *next == label) ++next;
  if (next == placed.end()) return std::nullopt;
  return "rows of " + table.name + " were placed by the labels " + joined(placed) + " of " + column.name +
         ", which are " + joined(column.enum_labels) +
         " now: give the labels their names back, or make a new table and load it";
}

}  // namespace shardplex
