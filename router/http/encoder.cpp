#include "router/http/encoder.hpp"

#include <brotli/encode.h>
#include <zlib.h>
#include <zstd.h>

#include <array>
#include <cstdint>

namespace shardplex::router {
namespace {

// Levels that cost less time than the network saves: beyond them a few per cent of size cost twice the time.
constexpr int gzip_level = 4;
constexpr std::uint32_t brotli_level = 4;
constexpr int zstd_level = 3;
constexpr int window_bits = 18;  // of brotli and zstd: what they look back over, and so most of their memory

using Piece = std::array<char, 16 * 1024>;

class GzipEncoder final : public Encoder {
 public:
  GzipEncoder() {
    constexpr int with_gzip_head = 16, memory_level = 8;
    ready_ = deflateInit2(&stream_, gzip_level, Z_DEFLATED, MAX_WBITS + with_gzip_head, memory_level,
                          Z_DEFAULT_STRATEGY) == Z_OK;
  }
  GzipEncoder(const GzipEncoder&) = delete;
  GzipEncoder& operator=(const GzipEncoder&) = delete;
  ~GzipEncoder() override {
    if (ready_) deflateEnd(&stream_);
  }
  bool is_ready() const { return ready_; }

  bool add(std::string_view bytes, bool last, std::string& out) override {
    Piece piece;
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));  // which it only reads
    stream_.avail_in = static_cast<uInt>(bytes.size());
    do {
      stream_.next_out = reinterpret_cast<Bytef*>(piece.data());
      stream_.avail_out = static_cast<uInt>(piece.size());
      if (deflate(&stream_, last ? Z_FINISH : Z_SYNC_FLUSH) == Z_STREAM_ERROR) return false;
      out.append(piece.data(), piece.size() - stream_.avail_out);
    } while (stream_.avail_out == 0);
    return true;
  }

 private:
  z_stream stream_{};
  bool ready_ = false;
};

class BrotliEncoder final : public Encoder {
 public:
  BrotliEncoder() : state_(BrotliEncoderCreateInstance(nullptr, nullptr, nullptr)) {
    if (state_ == nullptr) return;
    BrotliEncoderSetParameter(state_, BROTLI_PARAM_QUALITY, brotli_level);
    BrotliEncoderSetParameter(state_, BROTLI_PARAM_LGWIN, window_bits);
  }
  BrotliEncoder(const BrotliEncoder&) = delete;
  BrotliEncoder& operator=(const BrotliEncoder&) = delete;
  ~BrotliEncoder() override { BrotliEncoderDestroyInstance(state_); }
  bool is_ready() const { return state_ != nullptr; }

  bool add(std::string_view bytes, bool last, std::string& out) override {
    const auto operation = last ? BROTLI_OPERATION_FINISH : BROTLI_OPERATION_FLUSH;
    Piece piece;
    auto* input = reinterpret_cast<const std::uint8_t*>(bytes.data());
    std::size_t input_left = bytes.size();
    do {
      auto* output = reinterpret_cast<std::uint8_t*>(piece.data());
      std::size_t output_left = piece.size();
      if (!BrotliEncoderCompressStream(state_, operation, &input_left, &input, &output_left, &output,
                                       nullptr))
        return false;
      out.append(piece.data(), piece.size() - output_left);
    } while (input_left > 0 || BrotliEncoderHasMoreOutput(state_));
    return true;
  }

 private:
  BrotliEncoderState* state_;
};

class ZstdEncoder final : public Encoder {
 public:
  ZstdEncoder() : context_(ZSTD_createCCtx()) {
    if (context_ == nullptr) return;
    ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, zstd_level);
    ZSTD_CCtx_setParameter(context_, ZSTD_c_windowLog, window_bits);
  }
  ZstdEncoder(const ZstdEncoder&) = delete;
  ZstdEncoder& operator=(const ZstdEncoder&) = delete;
  ~ZstdEncoder() override { ZSTD_freeCCtx(context_); }
  bool is_ready() const { return context_ != nullptr; }

  bool add(std::string_view bytes, bool last, std::string& out) override {
    Piece piece;
    ZSTD_inBuffer input{bytes.data(), bytes.size(), 0};
    for (;;) {
      ZSTD_outBuffer output{piece.data(), piece.size(), 0};
      const auto left = ZSTD_compressStream2(context_, &output, &input, last ? ZSTD_e_end : ZSTD_e_flush);
      if (ZSTD_isError(left)) return false;
      out.append(piece.data(), output.pos);
      if (left == 0) return true;
    }
  }

 private:
  ZSTD_CCtx* context_;
};

template <class Made>
std::unique_ptr<Encoder> made() {
  auto encoder = std::make_unique<Made>();
  if (!encoder->is_ready()) return nullptr;
  return encoder;
}

}  // namespace

std::unique_ptr<Encoder> make_encoder(ContentCoding coding) {
  switch (coding) {
    case ContentCoding::gzip:
      return made<GzipEncoder>();
    case ContentCoding::br:
      return made<BrotliEncoder>();
    case ContentCoding::zstd:
      break;
  }
  return made<ZstdEncoder>();
}

}  // namespace shardplex::router
