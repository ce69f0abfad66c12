#include "cli/import_options.hpp"

namespace shardplex::cli {

namespace po = boost::program_options;

CommandOptions options_for_import(const std::string& verb, const std::string& more,
                                  const std::string& about) {
  CommandOptions options("import " + verb + " --map FILE [--from DSN]" + more, about);
  options.add_map();
  options.add()(
      "from", po::value<std::string>()->value_name("DSN"),
      "connection string of the source, where it is reached in another way than when the import began");
  return options;
}

ImportRunner take_up_import(const GivenOptions& given, const ShardMap& map, const ImportOptions& how) {
  existing_import(map);
  return ImportRunner(map, given.text("from").value_or(""), how, [](const ImportAdvance&) {});
}

}  // namespace shardplex::cli
