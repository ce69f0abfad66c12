#include "operations/load/gzip_input.hpp"

#include <stdexcept>
#include <string>

namespace shardplex::operations {

GzipBuffer::GzipBuffer(std::istream& compressed) : compressed_(compressed) {
  constexpr int gzip_only = 16;  // zlib.h, inflateInit2
  if (inflateInit2(&state_, MAX_WBITS + gzip_only) != Z_OK)
    throw std::runtime_error("there is no memory to decompress the input with");
}

GzipBuffer::~GzipBuffer() {
  inflateEnd(&state_);
}

/// Reads compressed bytes; false at their end.
bool GzipBuffer::fill() {
  compressed_.read(in_.data(), static_cast<std::streamsize>(in_.size()));
  if (compressed_.bad()) throw std::runtime_error("the input cannot be read");
  const auto count = compressed_.gcount();
  state_.next_in = reinterpret_cast<Bytef*>(in_.data());
  state_.avail_in = static_cast<uInt>(count);
  bytes_taken_ += static_cast<std::uint64_t>(count);
  return count > 0;
}

/// Goes on to the member behind the one that ended; false where there is none. Zeros may fill the end up, as
/// on tapes.
bool GzipBuffer::next_member() {
  while (state_.avail_in > 0 || fill()) {
    if (*state_.next_in != 0) {
      inflateReset(&state_);
      return true;
    }
    ++state_.next_in;
    --state_.avail_in;
  }
  return false;
}

/// Decompresses until there is something, or the input ends; how many bytes there are.
std::size_t GzipBuffer::inflate_piece() {
  state_.next_out = reinterpret_cast<Bytef*>(out_.data());
  state_.avail_out = static_cast<uInt>(out_.size());
  while (state_.avail_out == out_.size()) {
    if (!in_member_) {
      if (!next_member()) return 0;
      in_member_ = true;
    }
    if (state_.avail_in == 0 && !fill())
      throw std::runtime_error("the gzip input ends early: a part of it is missing");
    const int result = inflate(&state_, Z_NO_FLUSH);
    if (result == Z_STREAM_END)
      in_member_ = false;
    else if (result != Z_OK && result != Z_BUF_ERROR)
      throw std::runtime_error(std::string("the gzip input is damaged: ") +
                               (state_.msg != nullptr ? state_.msg : "it does not decompress"));
  }
  return out_.size() - state_.avail_out;
}

GzipBuffer::int_type GzipBuffer::underflow() {
  if (gptr() < egptr()) return traits_type::to_int_type(*gptr());
  const std::size_t count = at_end_ ? 0 : inflate_piece();
  at_end_ = count == 0;
  if (at_end_) return traits_type::eof();
  setg(out_.data(), out_.data(), out_.data() + count);
  return traits_type::to_int_type(*gptr());
}

}  // namespace shardplex::operations
