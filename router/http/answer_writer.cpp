#include "router/http/answer_writer.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/chunk_encode.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <exception>
#include <utility>

#include "router/log.hpp"
#include "router/version.hpp"

namespace shardplex::router {
namespace {

constexpr auto as_tuple = asio::as_tuple(use_awaitable);

constexpr std::size_t slice_bytes = 64 * 1024;

const std::string server_field = "shardplex/" + std::string(version);

/// The next part of a body; false where the body cannot be completed.
Awaitable<bool> pull(BodyStream& stream, std::string& part) {
  part.clear();
  try {
    const auto pulled = co_await stream.next(part);
    if (!pulled) log_warning("an answer under way was cut", {{"code", pulled.error().code}});
    co_return pulled.has_value();
  } catch (const std::exception& e) {
    log_error("a request ended on an exception", {{"what", std::string_view(e.what())}});
  }
  co_return false;
}

}  // namespace

/// The head with what every answer carries.
http::response_header<> AnswerWriter::head_of(Answer& answer, const Framing& framing, bool has_body) const {
  http::response_header<> head(std::move(answer.fields));
  head.version(framing.version);
  head.result(answer.status);
  if (!answer.reason.empty()) head.reason({answer.reason.data(), answer.reason.size()});
  head.set(http::field::server, server_field);
  head.set(http::field::date, http_date_);
  if (has_body && !answer.content_type.empty())
    head.set(http::field::content_type, {answer.content_type.data(), answer.content_type.size()});
  return head;
}

Awaitable<bool> AnswerWriter::write(Answer answer, Framing framing, RequestTally* tally) {
  const bool is_bodyless = never_has_body(answer.status);
  if (is_bodyless) {
    answer.rest.reset();
    answer.body.clear();
  }
  clock_.begin_answer(answer.rest ? answer.rest->deadline() : Clock::time_point::max(),
                      answer.rest ? answer.rest->patience() : Clock::duration::max());
  if (answer.rest) co_return co_await write_streamed(answer, framing, tally);
  if (tally) {
    tally->answered(answer.status);
    if (!framing.head_only && !is_bodyless) tally->sends(answer.body.size());
    tally->ends();
  }
  const bool has_body = !answer.body.empty() || (answer.is_content && !is_bodyless);
  http::response<http::string_body> response(head_of(answer, framing, has_body));
  response.keep_alive(framing.keep_alive);
  if (framing.head_only || is_bodyless) {
    if (framing.head_only && has_body) response.content_length(answer.body.size());
  } else {
    response.content_length(answer.body.size());
    response.body() = std::move(answer.body);
  }
  http::response_serializer<http::string_body> serializer(response);
  if (response.body().size() <= slice_bytes) {
    const auto [ec, n] = co_await http::async_write(socket_, serializer, as_tuple);
    co_return !ec && framing.keep_alive;
  }
  const auto [ec, n] = co_await http::async_write_header(socket_, serializer, as_tuple);
  if (ec) co_return false;
  const bool sent = co_await write_slices(response.body(), false);
  co_return sent&& framing.keep_alive;
}

/// So that a client's progress is seen.
Awaitable<bool> AnswerWriter::write_slices(std::string_view body, bool chunked) {
  while (!body.empty()) {
    const auto slice = body.substr(0, slice_bytes);
    boost::system::error_code ec;
    if (chunked)
      co_await asio::async_write(socket_, http::make_chunk(asio::buffer(slice)),
                                 asio::redirect_error(use_awaitable, ec));
    else
      co_await asio::async_write(socket_, asio::buffer(slice), asio::redirect_error(use_awaitable, ec));
    if (ec) co_return false;
    clock_.sent(slice.size(), limits_);
    body.remove_prefix(slice.size());
  }
  co_return true;
}

Awaitable<bool> AnswerWriter::write_streamed(Answer& answer, Framing framing, RequestTally* tally) {
  const bool chunked = framing.version >= 11;
  framing.keep_alive = framing.keep_alive && chunked;
  const bool is_answered = framing.head_only || answer.rest->is_made();
  if (tally && is_answered) tally->answered(answer.status);
  if (tally && framing.head_only) tally->ends();
  bool sent = co_await write_head(answer, framing);
  if (framing.head_only) co_return sent&& framing.keep_alive;
  if (sent) sent = co_await write_parts(answer, chunked, tally);
  if (tally && !is_answered) tally->answered(answer.status);
  if (tally) tally->ends();
  if (!sent && !chunked) reset();
  if (!sent || !chunked) co_return false;  // without chunks, the end of the connection is the answer's
  clock_.enter(Phase::writing);
  const auto [ec, n] = co_await asio::async_write(socket_, http::make_chunk_last(), as_tuple);
  co_return !ec && framing.keep_alive;
}

Awaitable<bool> AnswerWriter::write_head(Answer& answer, const Framing& framing) {
  http::response<http::empty_body> head(head_of(answer, framing, true));
  head.keep_alive(framing.keep_alive);
  if (framing.version >= 11) head.chunked(true);
  http::response_serializer<http::empty_body> serializer(head);
  const auto [ec, n] = co_await http::async_write_header(socket_, serializer, as_tuple);
  co_return !ec;
}

/// False where the body has not been sent whole.
Awaitable<bool> AnswerWriter::write_parts(Answer& answer, bool chunked, RequestTally* tally) {
  auto part = std::move(answer.body);
  for (;;) {
    clock_.enter(Phase::writing);
    if (tally) tally->sends(part.size());
    const bool sent = co_await write_slices(part, chunked);
    if (!sent) co_return false;
    clock_.enter(Phase::serving);
    const bool pulled = co_await pull(*answer.rest, part);
    if (pulled && part.empty()) co_return true;
    if (!pulled) co_return false;
  }
}

/// Without chunks the end of the connection is the end of the answer: a reset is the only way to say that it
/// is not.
void AnswerWriter::reset() {
  boost::system::error_code ignored;
  socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  socket_.close(ignored);
}

}  // namespace shardplex::router
