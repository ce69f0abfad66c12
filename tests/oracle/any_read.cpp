#include "tests/oracle/any_read.hpp"

#include "tests/integration/embed_generator.hpp"
#include "tests/integration/representations.hpp"

namespace shardplex::oracle {
namespace {

enum class Genre : std::uint8_t { rows, more_rows, groups, embeds, more_embeds, computed };

integration::ReadRequest of_genre(Genre genre, const Schema& schema, Random& random) {
  // Views have no computed columns.
  if (genre == Genre::computed && schema.computed)
    return computed_read_of(database_of(schema, false), random, chance(random, 30));
  const auto tables_and_views = database_of(schema, true);
  if (genre == Genre::embeds || genre == Genre::more_embeds)
    return embedding_read_of(tables_and_views, random);
  return genre == Genre::groups ? group_read_of(tables_and_views, random) : read_of(tables_and_views, random);
}

}  // namespace

integration::ReadRequest any_read(const Schema& schema, Random& random) {
  // Of twelve, 0 to 11, three ask for another format than JSON; 11 does not, and is what a draw of 0 gives.
  constexpr std::uint64_t formats = 12;
  const auto genre = static_cast<Genre>(random.below(6));
  const auto format = formats - 1 - random.below(formats);
  auto read = of_genre(genre, schema, random);
  ask_for_a_format(read, format);
  return read;
}

}  // namespace shardplex::oracle
