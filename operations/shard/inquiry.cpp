#include "operations/shard/inquiry.hpp"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string_view>
#include <utility>

#include "operations/process/failure.hpp"
#include "operations/shard/server.hpp"

namespace shardplex::operations {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* no_answer_in_time = "no answer in time";

struct Clear {
  void operator()(PGresult* result) const { PQclear(result); }
};
using ResultPtr = std::unique_ptr<PGresult, Clear>;

/// A result of libpq as the decoders of shard_schema/ take it.
class ResultRows final : public TextRows {
 public:
  explicit ResultRows(const PGresult& result) : result_(result) {}

  std::size_t size() const override { return static_cast<std::size_t>(PQntuples(&result_)); }
  std::optional<std::string_view> value(std::size_t row, std::size_t column) const override {
    const int r = static_cast<int>(row), c = static_cast<int>(column);
    if (c >= PQnfields(&result_) || PQgetisnull(&result_, r, c) != 0) return std::nullopt;
    return std::string_view(PQgetvalue(&result_, r, c),
                            static_cast<std::size_t>(PQgetlength(&result_, r, c)));
  }

 private:
  const PGresult& result_;
};

/// One server under inquiry. libpq and not libpqxx, which cannot give up on a server that says nothing.
class Inquiry {
 public:
  explicit Inquiry(const std::string& conninfo)
      : connection_(PQconnectStart(with_defaults(conninfo).c_str())) {
    if (PQstatus(connection_.get()) == CONNECTION_BAD) give_up();
  }

  bool is_open() const { return asking_ != Question::none; }
  bool is_primary() const { return !is_open() && status_ && !status_->in_recovery; }

  ServerAnswer answer() {
    if (is_open()) return {std::nullopt, no_answer_in_time};
    return {std::exchange(status_, std::nullopt), failure_};
  }

  pollfd waits_for() const { return {PQsocket(connection_.get()), events_, 0}; }

  /// Goes on as far as the server lets it. To be called when what it waits for has happened.
  void go_on() try {
    if (asking_ == Question::connection)
      connect_further();
    else
      read_answer();
  } catch (const UnexpectedAnswer& unexpected) {
    give_up(unexpected.what());
  }

 private:
  enum class Question : std::uint8_t { none, connection, status, identity, notes };

  struct Close {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };

  void give_up() { give_up(one_line(PQerrorMessage(connection_.get()))); }
  void give_up(std::string failure) {
    status_.reset();
    failure_ = std::move(failure);
    asking_ = Question::none;
  }

  void ask(Question question, const std::string& sql) {
    asking_ = question;
    result_.reset();
    events_ = POLLIN;
    // The connection is a blocking one, but a statement this short fits in the socket's empty buffer.
    if (PQsendQuery(connection_.get(), sql.c_str()) == 0) give_up();
  }

  void connect_further() {
    const auto state = PQconnectPoll(connection_.get());
    events_ = state == PGRES_POLLING_WRITING ? POLLOUT : POLLIN;
    if (state == PGRES_POLLING_FAILED) return give_up();
    if (state == PGRES_POLLING_OK) ask(Question::status, server_status_sql);
  }

  void read_answer() {
    if (PQconsumeInput(connection_.get()) == 0) return give_up();
    while (PQisBusy(connection_.get()) == 0) {
      ResultPtr next(PQgetResult(connection_.get()));
      if (next) {
        result_ = std::move(next);
        continue;
      }
      if (PQresultStatus(result_.get()) != PGRES_TUPLES_OK) return give_up();
      take(ResultRows(*result_));
      return;
    }
  }

  void take(const ResultRows& rows) {
    switch (std::exchange(asking_, Question::none)) {
      case Question::status: {
        auto answer = decode_server_status(rows);
        status_ = std::move(answer.status);
        if (answer.has_identity) ask(Question::identity, std::string(identity_sql));
        return;
      }
      case Question::identity:
        decode_identity(rows, *status_);
        if (status_->takes_notes) ask(Question::notes, std::string(timelines_sql));
        return;
      case Question::notes:
        status_->noted = decode_timelines(rows);
        return;
      case Question::none:
      case Question::connection:
        return;
    }
  }

  std::unique_ptr<PGconn, Close> connection_;
  short events_ = POLLOUT;
  Question asking_ = Question::connection;
  ResultPtr result_;
  std::optional<ServerStatus> status_;
  std::string failure_;
};

/// The servers of a shard under inquiry.
class ShardInquiry {
 public:
  ShardInquiry(const AskedShard& shard, Clock::time_point start)
      : patience_with_primary_(shard.patience_with_primary), deadline_(start + shard.patience) {
    for (const auto& conninfo : shard.conninfos) inquiries_.emplace_back(conninfo);
  }

  Clock::time_point deadline() const { return deadline_; }

  /// Those that are still waited for at this time.
  std::vector<Inquiry*> open(Clock::time_point now) {
    if (!found_ && std::ranges::any_of(inquiries_, &Inquiry::is_primary)) {
      found_ = true;
      deadline_ = std::min(deadline_, now + patience_with_primary_);
    }
    std::vector<Inquiry*> open;
    if (now >= deadline_) return open;
    for (auto& inquiry : inquiries_)
      if (inquiry.is_open()) open.push_back(&inquiry);
    return open;
  }

  std::vector<ServerAnswer> answers() {
    std::vector<ServerAnswer> answers;
    for (auto& inquiry : inquiries_) answers.push_back(inquiry.answer());
    return answers;
  }

 private:
  std::vector<Inquiry> inquiries_;
  std::chrono::milliseconds patience_with_primary_;
  Clock::time_point deadline_;
  bool found_ = false;
};

/// Waits until something happens or the first deadline is over, and goes on; false where none is waited for.
bool go_on(std::vector<ShardInquiry>& shards) {
  const auto now = Clock::now();
  std::vector<Inquiry*> open;
  std::vector<pollfd> sockets;
  auto until = Clock::time_point::max();
  for (auto& shard : shards)
    for (auto* inquiry : shard.open(now)) {
      open.push_back(inquiry);
      sockets.push_back(inquiry->waits_for());
      until = std::min(until, shard.deadline());
    }
  if (open.empty()) return false;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - now).count();
  if (poll(sockets.data(), sockets.size(), static_cast<int>(left)) < 0) return errno == EINTR;
  for (std::size_t i = 0; i < open.size(); ++i)
    if (sockets[i].revents != 0) open[i]->go_on();
  return true;
}

}  // namespace

std::vector<std::vector<ServerAnswer>> ask_servers(const std::vector<AskedShard>& shards) {
  const auto start = Clock::now();
  std::vector<ShardInquiry> inquiries;
  for (const auto& shard : shards) inquiries.emplace_back(shard, start);
  while (go_on(inquiries)) {
  }
  std::vector<std::vector<ServerAnswer>> answers;
  for (auto& shard : inquiries) answers.push_back(shard.answers());
  return answers;
}

std::vector<std::string> servers_of(const Shard& shard) {
  std::vector<std::string> servers{shard.primary};
  servers.insert(servers.end(), shard.replicas.begin(), shard.replicas.end());
  return servers;
}

std::vector<ServerWord> words_of(const std::vector<ServerAnswer>& answers) {
  std::vector<ServerWord> words;
  for (const auto& answer : answers) words.push_back({answer.status ? &*answer.status : nullptr, false});
  return words;
}

}  // namespace shardplex::operations
