// Input that is compressed by gzip, read as if it were not.
#pragma once

#include <zlib.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <istream>
#include <streambuf>

namespace shardplex::operations {

/// Decompresses a gzip stream of one member or several (RFC 1952). What is no such stream, or ends early,
/// throws std::runtime_error out of a read. Thread: one at a time. Memory: about 200 KiB.
class GzipBuffer : public std::streambuf {
 public:
  /// `compressed` outlives this, and is at the stream's first byte.
  explicit GzipBuffer(std::istream& compressed);
  GzipBuffer(const GzipBuffer&) = delete;
  GzipBuffer& operator=(const GzipBuffer&) = delete;
  ~GzipBuffer() override;

  /// Compressed bytes read so far. Thread-safe.
  std::uint64_t bytes_taken() const { return bytes_taken_; }

 protected:
  int_type underflow() override;

 private:
  static constexpr std::size_t piece_bytes = 64 << 10;

  bool fill();
  bool next_member();
  std::size_t inflate_piece();

  std::istream& compressed_;
  z_stream state_{};
  std::array<char, piece_bytes> in_{};
  std::array<char, piece_bytes> out_{};
  bool in_member_ = true;
  bool at_end_ = false;
  std::atomic<std::uint64_t> bytes_taken_ = 0;
};

class GzipInput {
 public:
  /// Whether the input begins as gzip does; nothing that load reads begins with that byte.
  static bool is_gzip(std::istream& in) { return in.peek() == 0x1F; }

  explicit GzipInput(std::istream& compressed) : buffer_(compressed), stream_(&buffer_) {
    stream_.exceptions(std::ios::badbit);  // lets through what the buffer throws
  }

  std::istream& stream() { return stream_; }
  std::uint64_t bytes_taken() const { return buffer_.bytes_taken(); }

 private:
  GzipBuffer buffer_;
  std::istream stream_;
};

}  // namespace shardplex::operations
