# Headers that most files of a library include and that rarely change, compiled once for each. A file still includes what it
# uses: the preset `debug` builds without them.
#
# The libraries of a family share one precompiled header, as their flags are the same.

set(precompiled_standard
  <algorithm> <array> <charconv> <chrono> <cstdint> <functional> <map> <memory> <optional> <set> <span> <stdexcept> <string>
  <string_view> <tuple> <utility> <variant> <vector>)

# Pure libraries.
set(precompiled_pure ${precompiled_standard} <boost/system/result.hpp>)

# Whatever runs on Asio: postgres and router.
set(precompiled_asio ${precompiled_pure}
  <boost/asio/as_tuple.hpp> <boost/asio/awaitable.hpp> <boost/asio/basic_waitable_timer.hpp> <boost/asio/co_spawn.hpp>
  <boost/asio/io_context.hpp> <boost/asio/ip/tcp.hpp> <boost/asio/post.hpp> <boost/asio/redirect_error.hpp>
  <boost/asio/use_awaitable.hpp> <boost/asio/write.hpp> <boost/beast/core/flat_buffer.hpp> <boost/beast/http.hpp>
  <boost/json.hpp> <libpq-fe.h>)

# Whatever uses libpqxx: operations, cli and the tests with databases.
set(precompiled_pqxx ${precompiled_pure} <boost/json.hpp> <mutex> <pqxx/pqxx> <thread>)
