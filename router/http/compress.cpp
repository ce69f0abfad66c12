#include "router/http/compress.hpp"

#include <algorithm>
#include <boost/beast/http/field.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "query/grammar/accept_encoding.hpp"
#include "router/http/encoder.hpp"

namespace shardplex::router {
namespace {

constexpr std::size_t part_bytes = 64 * 1024;  // that are encoded before others have their turn

/// How much of a text is encoded next: an end that is not worth a turn of its own goes with what is before
/// it.
std::size_t next_part(std::size_t left) {
  return left < 2 * part_bytes ? left : part_bytes;
}

/// A body's encoding, made of the parts of another. One of these may be as long as a row: it is encoded piece
/// by piece, too, for which encoder_bytes are enough.
class EncodedBody final : public BodyStream {
 public:
  /// `first`: what comes before `rest`, which may be null.
  EncodedBody(std::unique_ptr<Encoder> encoder, std::string first, std::unique_ptr<BodyStream> rest,
              Reservation memory)
      : encoder_(std::move(encoder)),
        plain_(std::move(first)),
        rest_(std::move(rest)),
        memory_(std::move(memory)) {}

  Awaitable<Result<void>> next(std::string& part) override {
    if (ended_) co_return Result<void>{};
    if (taken_ == plain_.size()) {
      std::string().swap(plain_);
      taken_ = 0;
      if (rest_) {
        const auto pulled = co_await rest_->next(plain_);
        if (!pulled) co_return pulled.error();
      }
    }
    const auto piece = std::string_view(plain_).substr(taken_, next_part(plain_.size() - taken_));
    taken_ += piece.size();
    ended_ = piece.empty();
    if (!encoder_->add(piece, ended_, part))
      co_return Error{"XX000", "The answer could not be compressed", std::nullopt, std::nullopt, 500};
    co_return Result<void>{};
  }

  Clock::time_point deadline() const override { return rest_ ? rest_->deadline() : Clock::time_point::max(); }
  Clock::duration patience() const override { return rest_ ? rest_->patience() : Clock::duration::max(); }
  bool is_made() const override { return !rest_; }

 private:
  std::unique_ptr<Encoder> encoder_;
  std::string plain_;
  std::size_t taken_ = 0;  // of plain_
  std::unique_ptr<BodyStream> rest_;
  Reservation memory_;
  bool ended_ = false;
};

}  // namespace

void compress(Answer& answer, std::string_view accept_encoding, MemoryBudget* memory) {
  if (!answer.rest && answer.body.size() < least_compressed_bytes) return;
  if (never_has_body(answer.status) || answer.fields.count(http::field::content_encoding) > 0) return;
  const auto coding = parse_accept_encoding(accept_encoding);
  if (!coding) return;
  Reservation held(memory);
  if (!held.resize_if_spare(encoder_bytes)) return;
  auto encoder = make_encoder(*coding);
  if (!encoder) return;
  if (answer.rest || answer.body.size() > part_bytes) {
    answer.rest = std::make_unique<EncodedBody>(std::move(encoder), std::exchange(answer.body, {}),
                                                std::move(answer.rest), std::move(held));
  } else {
    std::string encoded;
    if (!encoder->add(answer.body, true, encoded) || encoded.size() >= answer.body.size()) return;
    answer.body = std::move(encoded);
  }
  answer.set("Content-Encoding", to_string(*coding));
}

}  // namespace shardplex::router
