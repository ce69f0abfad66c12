#include "operations/load/input_blocks.hpp"

#include <algorithm>

namespace shardplex::operations {

// Reads until a block is full or the input ends.
void InputBlocks::fill() {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  const std::size_t before = pending_.size();
  // A record longer than a block: read on, by as much again.
  const std::size_t wanted = std::max(block_bytes_, last_end_ == 0 ? 2 * before : before);
  pending_.resize(wanted);
  in_.read(pending_.data() + before, static_cast<std::streamsize>(wanted - before));
  pending_.resize(before + static_cast<std::size_t>(in_.gcount()));
  if (in_.bad()) throw std::runtime_error("the input cannot be read");
  at_end_ = in_.eof();
  if (!started_ && pending_.starts_with(byte_order_mark)) pending_.erase(0, byte_order_mark.size());
  started_ = true;
  find_record_ends();
}

void InputBlocks::find_record_ends() {
  const auto record_ended = [&](std::size_t end) {
    if (first_end_ == 0) first_end_ = end;
    last_end_ = end;
  };
  for (; scanned_ < pending_.size(); ++scanned_) {
    const char c = pending_[scanned_];
    if (!quoted_) {
      if (c == '\n') record_ended(scanned_ + 1);
      continue;
    }
    switch (state_) {
      case CsvState::quoted:
        if (c == '"') state_ = CsvState::quote_in_quoted;
        continue;
      case CsvState::quote_in_quoted:
      case CsvState::field_start:
        if (c == '"') {
          state_ = CsvState::quoted;
          continue;
        }
        break;
      case CsvState::unquoted:
        break;
    }
    state_ = c == delimiter_ || c == '\n' ? CsvState::field_start : CsvState::unquoted;
    if (c == '\n') record_ended(scanned_ + 1);
  }
}

std::string_view InputBlocks::beginning() {
  if (!started_) fill();
  return pending_;
}

InputBlock InputBlocks::cut(std::size_t bytes) {
  InputBlock block{sequence_++, line_, pending_.substr(0, bytes)};
  pending_.erase(0, bytes);
  line_ += static_cast<std::uint64_t>(std::ranges::count(block.text, '\n'));
  scanned_ = first_end_ = last_end_ = 0;
  state_ = CsvState::field_start;
  return block;
}

void InputBlocks::check_length() const {
  if (last_end_ == 0 && pending_.size() > longest_record_bytes)
    throw std::runtime_error("line " + std::to_string(line_) + ": a record is longer than 64 MiB" +
                             (quoted_ ? "; is a quote not closed?" : ""));
}

std::optional<InputBlock> InputBlocks::next() {
  find_record_ends();
  while (!at_end_ && (pending_.size() < block_bytes_ || last_end_ == 0)) {
    fill();
    check_length();
  }
  if (pending_.empty()) return std::nullopt;
  return cut(at_end_ ? pending_.size() : last_end_);
}

std::optional<InputBlock> InputBlocks::first_record() {
  while (!at_end_ && first_end_ == 0) {
    fill();
    check_length();
  }
  if (pending_.empty()) return std::nullopt;
  InputBlock record = cut(first_end_ == 0 ? pending_.size() : first_end_);
  sequence_ = 0;
  return record;
}

}  // namespace shardplex::operations
