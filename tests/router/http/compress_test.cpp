#include "router/http/compress.hpp"

#include <brotli/decode.h>
#include <doctest/doctest.h>
#include <zlib.h>
#include <zstd.h>

#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "router/http/encoder.hpp"
#include "tests/router/http/loopback.hpp"
#include "tests/router/http/run.hpp"

using namespace shardplex;
using namespace shardplex::router;
using tests::Client;
using tests::Loopback;

namespace {

/// What a client makes of the bytes; nullopt where they are not a whole body.
std::optional<std::string> decoded(std::string_view coding, const std::string& bytes) {
  std::string out(std::size_t{16} << 20, '\0');
  std::size_t size = out.size();
  if (coding == "gzip") {
    z_stream stream{};
    inflateInit2(&stream, MAX_WBITS + 16);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    const int result = inflate(&stream, Z_FINISH);
    size = stream.total_out;
    inflateEnd(&stream);
    if (result != Z_STREAM_END) return std::nullopt;
  } else if (coding == "br") {
    if (BrotliDecoderDecompress(bytes.size(), reinterpret_cast<const std::uint8_t*>(bytes.data()), &size,
                                reinterpret_cast<std::uint8_t*>(out.data())) != BROTLI_DECODER_RESULT_SUCCESS)
      return std::nullopt;
  } else {
    size = ZSTD_decompress(out.data(), out.size(), bytes.data(), bytes.size());
    if (ZSTD_isError(size)) return std::nullopt;
  }
  out.resize(size);
  return out;
}

std::string many_films(std::size_t count) {
  std::string rows = "[";
  for (std::size_t i = 0; i < count; ++i) rows += R"({"id":)" + std::to_string(i) + R"(,"name":"Film"}, )";
  return rows + "]";
}

/// Gives a text part by part; breaks after it where it is told to.
class Parts final : public BodyStream {
 public:
  Parts(std::string text, std::size_t part, bool breaks)
      : text_(std::move(text)), part_(part), breaks_(breaks) {}
  Awaitable<Result<void>> next(std::string& part) override {
    part = text_.substr(at_, part_);
    at_ += part.size();
    if (part.empty() && breaks_) co_return Error{"SHARD503", "broken", std::nullopt, std::nullopt, 503};
    co_return Result<void>{};
  }

 private:
  std::string text_;
  std::size_t part_, at_ = 0;
  bool breaks_;
};

constexpr std::size_t more_than_the_kernel_takes = 20'000'000;

/// What no coding makes smaller.
std::string noise(std::size_t size) {
  std::mt19937 random(1);
  std::string bytes(size, '\0');
  for (auto& c : bytes) c = static_cast<char>(random() % 256);
  return bytes;
}

/// The parts of a body as they are sent.
Awaitable<std::vector<std::string>> parts_of(BodyStream& body) {
  std::vector<std::string> parts;
  for (;;) {
    std::string part;
    const auto pulled = co_await body.next(part);
    if (!pulled || part.empty()) co_return parts;
    parts.push_back(std::move(part));
  }
}

/// Answers with a body as the path says: /whole/N or /streamed/N or /broken/N, of N films.
Awaitable<Answer> films(Call& call) {
  const auto target = std::string(call.target());
  const auto count = std::stoul(target.substr(target.rfind('/') + 1));
  Answer answer;
  auto text = many_films(count);
  if (target.starts_with("/whole"))
    answer.body = std::move(text);
  else
    answer.rest = std::make_unique<Parts>(std::move(text), 1000, target.starts_with("/broken"));
  co_return answer;
}

std::string request(std::string_view path, std::string_view coding, std::string_view method = "GET") {
  return std::string(method) + ' ' + std::string(path) +
         " HTTP/1.1\r\nHost: x\r\nAccept-Encoding: " + std::string(coding) + "\r\n\r\n";
}

}  // namespace

namespace {

/// Of which something is held until it has been sent.
class Held final : public BodyStream {
 public:
  Awaitable<Result<void>> next(std::string&) override { co_return Result<void>{}; }
  Clock::time_point deadline() const override { return Clock::time_point(std::chrono::hours(1)); }
  Clock::duration patience() const override { return std::chrono::seconds(7); }
};

}  // namespace

TEST_CASE("a body has the times of what it is the encoding of") {
  Answer answer;
  answer.rest = std::make_unique<Held>();
  compress(answer, "gzip", nullptr);
  CHECK(std::string(answer.fields["Content-Encoding"]) == "gzip");
  CHECK(answer.rest->deadline() == Clock::time_point(std::chrono::hours(1)));
  CHECK(answer.rest->patience() == std::chrono::seconds(7));
  Answer whole;
  whole.body = noise(200'000);
  compress(whole, "gzip", nullptr);
  CHECK(whole.rest->patience() == Clock::duration::max());
}

TEST_CASE("whatever is added comes out again, part by part, for every coding") {
  const unsigned seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (const auto coding : {ContentCoding::gzip, ContentCoding::br, ContentCoding::zstd}) {
    for (int round = 0; round < 20; ++round) {
      auto encoder = make_encoder(coding);
      REQUIRE(encoder);
      std::string plain, encoded;
      for (auto parts = random() % 6; parts > 0; --parts) {
        std::string part(1 + random() % 100'000, '\0');
        for (auto& c : part) c = static_cast<char>(random() % (round % 2 == 0 ? 256 : 3));
        plain += part;
        const auto before = encoded.size();
        CHECK(encoder->add(part, false, encoded));
        CHECK(encoded.size() > before);
      }
      CHECK(encoder->add("", true, encoded));
      CHECK((decoded(to_string(coding), encoded) == plain));
    }
  }
}

TEST_CASE("answers are compressed for clients that take them so, whole ones and streams") {
  Loopback server(&films);
  Client client(server);
  for (const std::string coding : {"gzip", "br", "zstd"}) {
    for (const auto& [path, count] :
         {std::pair{"/whole/100", 100}, {"/whole/50000", 50'000}, {"/streamed/5000", 5000}}) {
      INFO(coding, " of ", std::string(path));
      const auto plain = many_films(static_cast<std::size_t>(count));
      client.send(request(path, coding));
      const auto answer = client.read();
      CHECK(answer[http::field::content_encoding] == coding);
      CHECK(answer.body().size() < plain.size() / 3);
      CHECK((decoded(coding, answer.body()) == plain));
      client.send(request(path, "identity"));
      const auto as_it_is = client.read();
      CHECK(as_it_is.count(http::field::content_encoding) == 0);
      CHECK((as_it_is.body() == plain));
    }
  }
}

TEST_CASE("small bodies, those that somebody has encoded, and those that get no smaller stay as they are") {
  Loopback server([](Call& call) -> Awaitable<Answer> {
    Answer answer;
    answer.body.assign(call.target() == "/small" ? least_compressed_bytes - 1 : 5000, 'x');
    if (call.target() == "/encoded") answer.set("Content-Encoding", "deflate");
    if (call.target() == "/noise") answer.body = noise(5000);
    co_return answer;
  });
  Client client(server);
  client.send(request("/small", "gzip"));
  CHECK(client.read().count(http::field::content_encoding) == 0);
  client.send(request("/encoded", "gzip"));
  const auto encoded = client.read();
  CHECK(encoded[http::field::content_encoding] == "deflate");
  CHECK(encoded.body() == std::string(5000, 'x'));
  for (const auto* coding : {"gzip", "br", "zstd"}) {
    client.send(request("/noise", coding));
    const auto as_it_is = client.read();
    CHECK(as_it_is.count(http::field::content_encoding) == 0);
    CHECK((as_it_is.body() == noise(5000)));
  }
}

TEST_CASE("HEAD has the fields that GET would have") {
  Loopback server(&films);
  Client client(server);
  for (const auto* path : {"/whole/100", "/whole/50000", "/streamed/5000"}) {
    client.send(request(path, "gzip"));
    const auto got = client.read();
    client.send(request(path, "gzip", "HEAD"));
    const auto head = client.read(true);
    CHECK(head[http::field::content_encoding] == "gzip");
    CHECK(head[http::field::content_length] == got[http::field::content_length]);
  }
}

TEST_CASE("a long part is encoded piece by piece, so that others have their turn meanwhile") {
  const auto plain = noise(1'000'000);
  asio::io_context io;
  for (const std::string coding : {"gzip", "br", "zstd"}) {
    CAPTURE(coding);
    Answer answer;
    answer.body = "[";
    answer.rest = std::make_unique<Parts>(plain, plain.size(), false);
    compress(answer, coding, nullptr);
    REQUIRE(answer.rest);
    CHECK(answer.body.empty());
    const auto parts = tests::run(io, parts_of(*answer.rest));
    CHECK(parts.size() > 10);
    std::string encoded;
    for (const auto& part : parts) {
      CHECK(part.size() < 150'000);
      encoded += part;
    }
    CHECK((decoded(coding, encoded) == '[' + plain));
  }
}

TEST_CASE("a stream that breaks is cut when it is compressed, too") {
  Loopback server(&films);
  Client client(server);
  client.send(request("/broken/5000", "gzip"));
  CHECK(client.read_error());
}

TEST_CASE("a whole body has been answered before it is sent, compressed or not, and a stream after it") {
  const auto body = noise(more_than_the_kernel_takes);
  Loopback server([&](Call& call) -> Awaitable<Answer> {
    Answer answer;
    if (call.target() == "/whole")
      answer.body = body;
    else
      answer.rest = std::make_unique<Parts>(body, 100'000, false);
    co_return answer;
  });
  for (int answered = 1; const auto* coding : {"identity", "gzip"}) {
    Client client(server);
    client.send(request("/whole", coding));
    CHECK(tests::soon([&] { return server.counted("other", "GET", 200) == answered; }));
    Client of_stream(server);
    of_stream.send(request("/stream", coding));
    REQUIRE(tests::soon([&] { return of_stream.readable(); }));
    CHECK(server.counted("other", "GET", 200) == answered);
    of_stream.read();
    CHECK(tests::soon([&] { return server.counted("other", "GET", 200) == answered + 1; }));
    answered += 2;
  }
}

TEST_CASE("where no memory is to spare the body stays as it is, and nobody is refused for it") {
  MemoryBudget memory(2 * (encoder_bytes - 1));
  Loopback server(&films, tests::small_limits(), &memory);
  Client client(server);
  client.send(request("/streamed/5000", "gzip"));
  const auto answer = client.read();
  CHECK(answer.count(http::field::content_encoding) == 0);
  CHECK((answer.body() == many_films(5000)));
  CHECK(tests::soon([&] { return memory.used() == 0; }));
  CHECK(memory.refused() == 0);
}

TEST_CASE("what can be done without leaves half of the memory to others") {
  MemoryBudget memory(100);
  Reservation needed(&memory), spare(&memory);
  CHECK(needed.resize(20));
  CHECK_FALSE(spare.resize_if_spare(31));
  CHECK(spare.resize_if_spare(30));
  CHECK(memory.used() == 50);
  CHECK_FALSE(spare.resize_if_spare(31));
  CHECK(spare.resize_if_spare(10));
  CHECK(memory.used() == 30);
  CHECK(needed.resize(90));
  CHECK_FALSE(spare.resize_if_spare(11));
  CHECK(memory.used() == 100);
  CHECK(memory.refused() == 0);
}

TEST_CASE("what a compressed stream holds is given back at its end") {
  MemoryBudget memory(4 * encoder_bytes);
  Loopback server(&films, tests::small_limits(), &memory);
  for (int i = 0; i < 5; ++i) {
    Client client(server);
    client.send(request("/streamed/5000", "br"));
    CHECK(client.read()[http::field::content_encoding] == "br");
  }
  CHECK(tests::soon([&] { return memory.used() == 0; }));
}

TEST_CASE("what a compressed stream holds is given back where its client goes before the end") {
  const auto body = noise(more_than_the_kernel_takes);
  MemoryBudget memory(4 * body.size());
  Loopback server(
      [&](Call&) -> Awaitable<Answer> {
        Answer answer;
        answer.rest = std::make_unique<Parts>(body, 100'000, false);
        co_return answer;
      },
      tests::small_limits(), &memory);
  for (const auto* coding : {"gzip", "br", "zstd"}) {
    {
      Client client(server);
      client.send(request("/", coding));
      CHECK(tests::soon([&] { return memory.used() == encoder_bytes; }));
    }
    CHECK(tests::soon([&] { return memory.used() == 0; }));
  }
}
