// What an import changes or leaves behind. Each kind has a name, and nothing begins until whoever imports has
// accepted it by that name.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace shardplex::operations {

/// The kinds, in the order in which they are told. Their names and sentences are in losses.cpp.
enum class LossKind : std::uint8_t {
  order,
  letters,
  settings,
  ids_not_given,
  ids_repeat,
  unique_per_shard,
  foreign_keys,
  cascades,
  tables_differ,
  tables,
  views,
  functions,
  sequences,
  types,
  triggers,
  rules,
  policies,
  grants,
  extensions,
  replication,
  large_objects,
  objects,
  no_way_back,
};

/// "views-left-behind"
std::string_view name_of(LossKind kind);
std::optional<LossKind> parse_loss(std::string_view name);
/// All names, in the order of the kinds.
std::vector<std::string> loss_names();

struct ImportLoss {
  LossKind kind = LossKind::order;
  std::vector<std::string> objects;  ///< what it is about, in words; never empty
};

/// "views-left-behind: views stay behind: public.best, public.worst and 3 more"
std::string to_text(const ImportLoss& loss);

/// Kinds that are accepted, by their names.
using AcceptedLosses = std::set<LossKind>;

/// Reads "views-left-behind,order-changes" and the like, one or several; or a sentence about a name that is
/// none.
std::variant<AcceptedLosses, std::string> parse_accepted(const std::vector<std::string>& lists);

/// Losses on their way: an object at a time, in any order.
class LossList {
 public:
  void add(LossKind kind, std::string object) { objects_[index(kind)].push_back(std::move(object)); }
  std::vector<ImportLoss> all() const;

 private:
  static constexpr std::size_t count = static_cast<std::size_t>(LossKind::no_way_back) + 1;
  static std::size_t index(LossKind kind) { return static_cast<std::size_t>(kind); }
  std::vector<std::string> objects_[count];
};

}  // namespace shardplex::operations
