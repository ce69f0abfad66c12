// Offset and limit, of all rows or of those of each key.
#pragma once

#include <cstdint>
#include <optional>

namespace shardplex {

/// What is asked for of a sequence of rows.
struct RowPage {
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> limit = std::nullopt;
  bool of_each_key = false;  ///< the rows found by each key are a sequence of their own
  bool operator==(const RowPage&) const = default;
};

/// Tells row by row whether it is on the page. Precondition: rows of one key come one after the other.
class PageCounter {
 public:
  explicit PageCounter(const RowPage& page) : page_(page) {}

  /// `key`: the number of the row's key; nothing where the page is one of all rows.
  bool takes(std::optional<std::uint32_t> key) {
    if (page_.of_each_key && key != key_) {
      key_ = key;
      passed_ = 0;
    }
    const auto number = passed_++;
    return number >= page_.offset && (!page_.limit || number - page_.offset < *page_.limit);
  }

  /// No row will be taken any more.
  bool is_full() const {
    if (page_.of_each_key || !page_.limit) return false;
    return *page_.limit == 0 || (passed_ >= page_.offset && passed_ - page_.offset >= *page_.limit);
  }
  /// How many rows there have been, on the page or not; of the last key where the page is one of each.
  std::uint64_t passed() const { return passed_; }
  /// How many rows can matter still; nullopt where all of them.
  std::optional<std::uint64_t> to_come() const {
    if (page_.of_each_key || !page_.limit) return std::nullopt;
    const auto skipped = passed_ < page_.offset ? page_.offset - passed_ : 0;
    const auto taken = passed_ > page_.offset ? passed_ - page_.offset : 0;
    const auto left = *page_.limit > taken ? *page_.limit - taken : 0;
    return left == 0 ? 0 : skipped + left < left ? UINT64_MAX : skipped + left;
  }

 private:
  RowPage page_;
  std::optional<std::uint32_t> key_;
  std::uint64_t passed_ = 0;
};

}  // namespace shardplex
