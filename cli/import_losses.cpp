#include "cli/import_losses.hpp"

#include <variant>

namespace shardplex::cli {

namespace po = boost::program_options;

void add_allow(CommandOptions& options) {
  options.add()("allow", po::value<std::vector<std::string>>()->value_name("NAME[,NAME]")->composing(),
                "accept what an import changes or loses, by the names under which import check tells it");
}

AcceptedLosses accepted_losses(const GivenOptions& given) {
  auto read = parse_accepted(given.texts("allow"));
  if (const auto* unknown = std::get_if<std::string>(&read)) throw UsageError("--allow: " + *unknown);
  return std::get<AcceptedLosses>(std::move(read));
}

boost::json::array to_json(const std::vector<ImportLoss>& losses, const AcceptedLosses& accepted) {
  boost::json::array list;
  for (const auto& loss : losses)
    list.push_back({{"name", name_of(loss.kind)},
                    {"text", to_text(loss)},
                    {"objects", boost::json::value_from(loss.objects)},
                    {"accepted", accepted.contains(loss.kind)}});
  return list;
}

}  // namespace shardplex::cli
