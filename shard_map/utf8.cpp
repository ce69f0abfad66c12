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

std::string as_utf8(std::string_view text) {
  std::string out;
  for (;;) {
    const auto valid = valid_utf8_prefix(text);
    out += text.substr(0, valid);
    if (valid == text.size()) return out;
    out += "\xEF\xBF\xBD";
    text.remove_prefix(valid + 1);
  }
}

}  // namespace shardplex
