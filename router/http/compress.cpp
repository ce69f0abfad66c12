#include "router/http/compress.hpp"

#include <algorithm>
#include <boost/beast/http/field.hpp>
#include <memory>
#include <string>
#include <utility>

#include "query/grammar/accept_encoding.hpp"
#include "router/http/encoder.hpp"

namespace shardplex::router {
namespace {

constexpr std::size_t part_bytes = 64 * 1024;  // that are encoded before others have their turn

/// A body's encoding, made of the parts of another.
class EncodedBody final : public BodyStream {
 public:
  /// `first`: what comes before `rest`, which may be null.
  EncodedBody(std::unique_ptr<Encoder> encoder, std::string first, std::unique_ptr<BodyStream> rest,
              Reservation memory)
      : encoder_(std::move(encoder)),
        first_(std::move(first)),
        rest_(std::move(rest)),
        memory_(std::move(memory)) {}

  Awaitable<Result<void>> next(std::string& part) override {
    if (ended_) co_return Result<void>{};
    std::string plain;
    if (taken_ < first_.size()) {
      plain = first_.substr(taken_, part_bytes);
      taken_ += plain.size();
      if (taken_ == first_.size()) std::string().swap(first_), taken_ = 0;
    } else if (rest_) {
      const auto pulled = co_await rest_->next(plain);
      if (!pulled) co_return pulled.error();
    }
    ended_ = plain.empty();
    if (!encoder_->add(plain, ended_, part))
      co_return Error{"XX000", "The answer could not be compressed", std::nullopt, std::nullopt, 500};
    co_return Result<void>{};
  }

  Clock::time_point deadline() const override { return rest_ ? rest_->deadline() : Clock::time_point::max(); }

 private:
  std::unique_ptr<Encoder> encoder_;
  std::string first_;
  std::size_t taken_ = 0;
  std::unique_ptr<BodyStream> rest_;
  Reservation memory_;
  bool ended_ = false;
};

}  // namespace

void compress(Answer& answer, std::string_view accept_encoding, MemoryBudget* memory) {
  if (!answer.rest && answer.body.size() < least_compressed_bytes) return;
  if (answer.fields.count(http::field::content_encoding) > 0) return;
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
    if (!encoder->add(answer.body, true, encoded)) return;
    answer.body = std::move(encoded);
  }
  answer.set("Content-Encoding", to_string(*coding));
}

}  // namespace shardplex::router
