#include "tests/oracle/mover.hpp"

#include <utility>

namespace shardplex::oracle {

Mover::Mover(const std::vector<std::string>& primaries, const std::vector<integration::MovedGroup>& groups,
             std::uint64_t seed)
    : random_(seed) {
  for (const auto& group : groups) groups_.emplace_back(primaries, group);
  thread_ = std::thread([this] { run(); });
}

Mover::~Mover() {
  {
    const std::scoped_lock lock(mutex_);
    is_over_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Mover::move() {
  {
    const std::scoped_lock lock(mutex_);
    is_to_move_ = !groups_.empty() && !failure_;
  }
  changed_.notify_all();
}

void Mover::rest() {
  std::unique_lock lock(mutex_);
  is_to_move_ = false;
  changed_.wait(lock, [&] { return !is_moving_; });
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  for (auto& group : groups_) group.check();
}

bool Mover::is_moving() const {
  const std::scoped_lock lock(mutex_);
  return is_moving_;
}

void Mover::run() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      is_moving_ = false;
      changed_.notify_all();
      changed_.wait(lock, [&] { return is_to_move_ || is_over_; });
      if (is_over_) return;
      is_moving_ = true;
    }
    try {
      groups_[random_() % groups_.size()].move_any(random_);
      ++moves_;
    } catch (...) {
      const std::scoped_lock lock(mutex_);
      failure_ = std::current_exception();
      is_to_move_ = false;
    }
  }
}

}  // namespace shardplex::oracle
