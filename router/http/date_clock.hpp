// The Date field of answers.
#pragma once

#include <ctime>
#include <string>

namespace shardplex::router {

/// A time as a Date field has it (RFC 9110, section 5.6.7). Pure.
std::string http_date(std::time_t time);

/// The time of the last tick(), as text: worked out now and again, not for every answer.
class DateClock {
 public:
  DateClock() { tick(); }

  void tick() { text_ = http_date(std::time(nullptr)); }

  /// Lifetime: the clock's. A tick changes it.
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace shardplex::router
