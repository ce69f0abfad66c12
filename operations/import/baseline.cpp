#include "operations/import/baseline.hpp"

#include <boost/json.hpp>

#include "operations/import/inventory.hpp"
#include "operations/import/tables.hpp"

namespace shardplex::operations {
namespace {

namespace json = boost::json;

/// A shard that has nothing, and sorts as the source does.
ShardInventory empty_shard(const SourceInventory& source) {
  ShardInventory shard;
  shard.letters = source.letters;
  for (const auto& left : source.left) shard.missing.push_back(left.object);
  return shard;
}

json::object to_value(const TableStructure& structure) {
  json::array parts;
  for (const auto& [part, definition] : structure.parts)
    parts.push_back(json::array{part.first, part.second, definition});
  return {{"columns", json::value_from(structure.columns)}, {"parts", std::move(parts)}};
}

TableStructure to_structure(const json::value& value) {
  TableStructure structure;
  structure.columns = json::value_to<std::vector<std::string>>(value.at("columns"));
  for (const auto& part : value.at("parts").as_array()) {
    const auto texts = json::value_to<std::vector<std::string>>(part);
    structure.parts[{texts.at(0), texts.at(1)}] = texts.at(2);
  }
  return structure;
}

}  // namespace

ImportBaseline read_baseline(pqxx::transaction_base& source, const ShardMap& map) {
  ImportSource read = read_import_source(source, map);
  const SourceInventory inventory = read_source_inventory(source, map, read);
  ImportBaseline baseline;
  for (const auto& loss : find_losses(map, inventory, {empty_shard(inventory)}))
    baseline.losses[loss.kind].insert(loss.objects.begin(), loss.objects.end());
  baseline.structures = inventory.structures;
  for (const auto& key : inventory.dropped)
    if (!key.to_table.empty()) baseline.references.push_back({key.to_table, key.to_columns, key.text});
  return baseline;
}

std::string to_json(const ImportBaseline& baseline) {
  json::object losses, structures;
  json::array references;
  for (const auto& [kind, objects] : baseline.losses) losses[name_of(kind)] = json::value_from(objects);
  for (const auto& [table, structure] : baseline.structures) structures[table] = to_value(structure);
  for (const auto& [table, columns, text] : baseline.references)
    references.push_back({{"table", table}, {"columns", json::value_from(columns)}, {"text", text}});
  return json::serialize(json::object{{"losses", std::move(losses)},
                                      {"structures", std::move(structures)},
                                      {"references", std::move(references)}});
}

ImportBaseline parse_baseline(const std::string& text) {
  ImportBaseline baseline;
  const json::value read = json::parse(text);
  for (const auto& [name, objects] : read.at("losses").as_object())
    if (const auto kind = parse_loss(name))
      baseline.losses[*kind] = json::value_to<std::set<std::string>>(objects);
  for (const auto& [table, structure] : read.at("structures").as_object())
    baseline.structures[table] = to_structure(structure);
  if (const auto* references = read.as_object().if_contains("references"))
    for (const auto& one : references->as_array())
      baseline.references.push_back({json::value_to<std::string>(one.at("table")),
                                     json::value_to<std::vector<std::string>>(one.at("columns")),
                                     json::value_to<std::string>(one.at("text"))});
  return baseline;
}

std::vector<DroppedReference> read_dropped_references(pqxx::transaction_base& shard) {
  std::vector<DroppedReference> references;
  if (shard.exec1("SELECT to_regclass('shardplex.imports') IS NULL")[0].as<bool>()) return references;
  for (const auto& row : shard.exec("SELECT to_jsonb(i) ->> 'baseline' FROM shardplex.imports i"))
    if (!row[0].is_null())
      for (auto& one : parse_baseline(row[0].as<std::string>()).references)
        references.push_back(std::move(one));
  return references;
}

std::vector<ImportLoss> losses_since(const ImportBaseline& before, const ImportBaseline& now,
                                     const AcceptedLosses& accepted) {
  LossList losses;
  for (const auto& [kind, objects] : now.losses) {
    const auto known = before.losses.find(kind);
    for (const auto& object : objects)
      if (!accepted.contains(kind) && (known == before.losses.end() || !known->second.contains(object)))
        losses.add(kind, object);
  }
  for (const auto& [table, structure] : now.structures) {
    const auto was = before.structures.find(table);
    if (was == before.structures.end() || accepted.contains(LossKind::tables_differ)) continue;
    for (const auto& difference : structure_differences(structure, was->second, "the import's beginning"))
      if (!difference.privilege) losses.add(LossKind::tables_differ, table + ": " + difference.text);
  }
  return losses.all();
}

}  // namespace shardplex::operations
