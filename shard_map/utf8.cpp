#include "shard_map/utf8.hpp"

#include <boost/locale/utf.hpp>

namespace shardplex {

std::size_t valid_utf8_prefix(std::string_view text) {
  namespace utf = boost::locale::utf;
  auto at = text.begin();
  while (at != text.end()) {
    const auto before = at;
    const utf::code_point decoded = utf::utf_traits<char>::decode(at, text.end());
    if (decoded == utf::illegal || decoded == utf::incomplete)
      return static_cast<std::size_t>(before - text.begin());
  }
  return text.size();
}

}  // namespace shardplex
