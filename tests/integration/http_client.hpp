// HTTP as clients speak it to the router: whole exchanges on a kept connection, or raw bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shardplex::integration {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct HttpResponse {
  unsigned status = 0;
  Headers headers;
  std::string body;
  bool chunked = false;

  /// nullopt where absent; the first where there are several. Names in any case.
  std::optional<std::string> header(std::string_view name) const;
  /// "code" of an error's JSON; "" where the body is none.
  std::string error_code() const;
};

/// The exchange failed below HTTP. `began` says that bytes of an answer had come: it was cut.
struct ConnectionFailure : std::runtime_error {
  ConnectionFailure(const std::string& what, bool answer_began)
      : std::runtime_error(what), began(answer_began) {}
  bool began;
};

/// One connection to 127.0.0.1, made when it is needed and again after it has gone. Every operation is
/// bounded in time. Thread: one.
class HttpClient {
 public:
  /// Whether a request that may be repeated is, where the server closes a kept connection under it.
  enum class Repeats : bool { never, as_browsers_do };

  explicit HttpClient(std::uint16_t port, Repeats repeats = Repeats::as_browsers_do);
  ~HttpClient();

  /// Throws ConnectionFailure. A kept connection that the server has closed while it was idle is made anew;
  /// one that it closes under the request is too, once, where the method may be repeated, unless that is
  /// `never`.
  HttpResponse request(std::string_view method, std::string_view target, const Headers& headers = {},
                       std::string_view body = {});
  HttpResponse get(std::string_view target, const Headers& headers = {}) {
    return request("GET", target, headers);
  }

  bool connected() const;
  void close();

 private:
  struct Transport;  // every integration test includes this file, and few of them Asio
  HttpResponse exchange(std::string_view method, std::string_view target, const Headers& headers,
                        std::string_view body);
  void connect();
  bool closed_by_server();

  std::uint16_t port_;
  Repeats repeats_;
  std::unique_ptr<Transport> transport_;
};

/// A connection for what no proper client would send.
class RawConnection {
 public:
  explicit RawConnection(std::uint16_t port);
  ~RawConnection();

  void write(std::string_view bytes);
  /// What comes until the server closes; throws ConnectionFailure where it does not within `patience`.
  std::string read_to_end();
  /// What comes until `text` has come too.
  std::string read_until(std::string_view text);
  /// The next `count` bytes; throws ConnectionFailure where the server closes before, or they do not come.
  std::string read(std::size_t count);
  void shut_down_writing();

 private:
  struct Transport;
  std::unique_ptr<Transport> transport_;
};

/// %XX for all but unreserved characters.
std::string percent_encode(std::string_view text);

}  // namespace shardplex::integration
