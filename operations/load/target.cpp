#include "operations/load/target.hpp"

#include "operations/process/failure.hpp"
#include "operations/shard/server.hpp"
#include "query/plan/stored_values.hpp"
#include "shard_map/contains_name.hpp"

namespace shardplex::operations {
namespace {

/// One shard's answers, or why there are none.
struct ShardAnswer {
  std::vector<std::string> problems;
  ShardCatalogue catalogue;
  std::optional<ShardOwnership> ownership;
  AgreedValues settings;
};

ShardAnswer ask(const ShardMap& map, pqxx::connection& primary) try {
  ShardAnswer answer;
  pqxx::transaction<pqxx::repeatable_read, pqxx::read_only> transaction(primary);
  const ServerState state = read_server_state(transaction);
  answer.settings = state.settings;
  answer.catalogue = read_catalogue(transaction, map);
  answer.problems = definition_problems(transaction, map);
  answer.ownership = read_ownership(transaction, map, answer.problems);
  return answer;
} catch (const std::exception& error) {
  ShardAnswer none;
  none.problems.push_back(reason_of(error));
  return none;
}

std::vector<ShardAnswer> ask_all(const ShardMap& map, const std::vector<PrimaryFound>& primaries) {
  auto answers =
      in_parallel(primaries.size(), [&](std::size_t i) { return ask(map, *primaries[i].connection); });
  std::vector<std::string> problems;
  for (std::size_t i = 0; i < answers.size(); ++i)
    for (const auto& problem : answers[i].problems) problems.push_back(map.shards()[i].name + ": " + problem);
  for (std::size_t i = 1; i < answers.size() && problems.empty(); ++i)
    for (auto& difference : setting_differences(map.shards()[0].name, answers[0].settings,
                                                map.shards()[i].name, answers[i].settings))
      problems.push_back(std::move(difference) + "; values would be read otherwise on each");
  if (!problems.empty()) throw CommandFailed(std::move(problems));
  return answers;
}

Table agreed_table(const ShardMap& map, const std::string& name, const std::vector<ShardAnswer>& answers) {
  std::vector<std::pair<std::string, ShardCatalogue>> catalogues;
  for (std::size_t i = 0; i < answers.size(); ++i)
    catalogues.emplace_back(map.shards()[i].name, answers[i].catalogue);
  const Catalogue catalogue = combine(map, catalogues);
  if (const auto* difference = catalogue.not_alike(name)) throw CommandFailed(*difference);
  return *catalogue.find(name);
}

std::string label_problem(const RowColumns::Entry& column, std::string_view label) {
  return "column " + column.name + ": \"" + std::string(label) + "\" is no label of " + column.type +
         " by which rows are placed (shardplex cluster init writes down new ones)";
}

std::optional<std::string> length_problem(const Row& row, const RowColumns& columns, std::size_t index) {
  const auto value = row[index].value();
  if (!value || !is_cut(columns[index].type, *value)) return std::nullopt;
  return "column " + columns[index].name + ": \"" + std::string(*value) + "\" is too long for " +
         columns[index].type;
}

void check_ownership(const ShardMap& map, const ShardedTarget& target) {
  std::vector<std::string> problems;
  if (!target.ownership.complete(target.group_id))
    for (const auto& fault : target.ownership.faults(map)) problems.push_back(fault);
  SlotSet fenced = SlotSet::none(target.group->slot_count);
  for (std::uint32_t slot = 0; slot < target.group->slot_count; ++slot)
    if (target.ownership.owner(target.group_id, Slot{slot}).fenced) fenced.insert(Slot{slot});
  if (!fenced.empty())
    problems.push_back(target.group->name + ": slots " + fenced.to_string() +
                       " are fenced: they are being handed over; load when that is done");
  if (!problems.empty()) throw CommandFailed(std::move(problems));
}

ShardedTarget sharded_target(const ShardMap& map, const TablePlacement& placement, const Table& table,
                             const RowColumns& columns, const std::vector<ShardAnswer>& answers) {
  std::vector<std::optional<ShardOwnership>> reports;
  for (const auto& answer : answers) reports.push_back(answer.ownership);
  const Group& group = map.group(*placement.group);
  ShardedTarget target{&group, *placement.group, Ownership(map, reports), {}, {}, false, false};
  for (const auto& name : placement.key.names()) {
    const auto index = columns.find(name).value();
    const Column& column = table.columns[index];
    auto& key = target.key.emplace_back(TargetKeyColumn{index, key_type(column).value(), {}});
    for (const auto& label : column.enum_labels)
      if (!contains_name(column.unplaced_labels, label)) key.labels.push_back(label);
  }
  const bool key_is_primary = target.key.size() == 1 && table.primary_key == placement.key.names();
  const Column& first = table.columns[target.key.front().index];
  target.generates_ids = key_is_primary && first.type == "bigint" && !first.has_default;
  if (const auto* list = std::get_if<ListStrategy>(&group.strategy)) {
    target.list_column = columns.find(list->column).value();
    target.new_list_labels = table.columns[*target.list_column].unplaced_labels;
    target.unique_over_lists = key_is_primary;
  }
  check_ownership(map, target);
  return target;
}

}  // namespace

std::optional<std::string> ShardedTarget::list_value_problem(const Row& row,
                                                             const RowColumns& columns) const {
  const auto& column = columns[*list_column];
  const Field& field = row[*list_column];
  if (field.state == Field::State::absent && column.has_default)
    return "column " + column.name + " decides the shard and has to be given";
  if (const auto label = field.value(); label && contains_name(new_list_labels, *label))
    return label_problem(column, *label);
  return std::nullopt;
}

std::variant<RowPlace, std::string> ShardedTarget::place(const Row& row, const RowColumns& columns) const {
  std::vector<std::string> key_columns;
  key_columns.reserve(key.size());
  for (const auto& [index, type, labels] : key) {
    const auto& column = columns[index];
    const auto text = row[index].value();
    if (!text)
      return "column " + column.name + " is " + (key.size() == 1 ? "" : "of ") +
             "the shard key and has to be given";
    auto canonical = canonical_bytes(type, *text);
    if (!canonical)
      return "column " + column.name + ": \"" + std::string(*text) + "\" is not a key of type " +
             column.type + (type == KeyType::citext ? " (only ASCII is)" : "");
    if (type == KeyType::enumeration && !contains_name(labels, *text)) return label_problem(column, *text);
    key_columns.push_back(*std::move(canonical));
  }
  std::optional<std::string_view> list_value;
  if (list_column) {
    if (auto problem = list_value_problem(row, columns)) return *std::move(problem);
    list_value = row[*list_column].value();
  }
  for (const auto& each : key)
    if (auto problem = length_problem(row, columns, each.index)) return *std::move(problem);
  if (list_column)
    if (auto problem = length_problem(row, columns, *list_column)) return *std::move(problem);
  std::string bytes = joined_bytes(key_columns);
  const Slot slot = slot_of_row(*group, bytes, list_value);
  return RowPlace{ownership.owner(group_id, slot).shard, slot, std::move(bytes)};
}

LoadTarget find_load_target(const ShardMap& map, const TablePlacement& placement) {
  auto primaries = find_primaries(map);
  auto found = std::make_shared<const ShardMap>(with_primaries(map, primaries));
  const auto answers = ask_all(*found, primaries);
  Table table = agreed_table(*found, placement.name, answers);
  for (auto& primary : primaries) primary.connection.reset();
  RowColumns columns(table);
  std::optional<ShardedTarget> sharded;
  if (!placement.reference) sharded = sharded_target(*found, placement, table, columns, answers);
  return {std::move(found), std::move(primaries), std::move(table), std::move(columns), std::move(sharded)};
}

}  // namespace shardplex::operations
