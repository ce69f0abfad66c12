#include "operations/load/shard_writer.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "shard_map/key.hpp"
#include "shard_schema/sqlstates.hpp"

namespace shardplex::operations {
namespace {

/// PostgreSQL's message, with the key that it is about: the detail of other refusals is the whole row.
std::string with_key_detail(const SqlFailure& failure) {
  const bool of_key = failure.sqlstate == sqlstate_unique || failure.sqlstate == sqlstate_foreign_key;
  return failure.what() + (of_key && !failure.detail.empty() ? ": " + failure.detail : "");
}

}  // namespace

ShardWriter::ShardWriter(std::string table, CopySession& session, BadRows& bad, bool tells,
                         const StagedMerge* merge)
    : table_(merge != nullptr ? merge->staging() : std::move(table)),
      session_(session),
      bad_(bad),
      tells_(tells),
      merge_(merge),
      thread_([this] { run(); }) {}

ShardWriter::~ShardWriter() {
  if (!thread_.joinable()) return;
  close(false);
  finish();
}

bool ShardWriter::push(std::shared_ptr<const CopyJob> job) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return queue_.size() < queue_length || failed_; });
  if (failed_) return false;
  queue_.push_back(std::move(job));
  changed_.notify_all();
  return true;
}

void ShardWriter::close(bool complete) {
  const std::scoped_lock lock(mutex_);
  closed_ = true;
  complete_ = complete;
  changed_.notify_all();
}

void ShardWriter::finish() {
  thread_.join();
}

std::shared_ptr<const CopyJob> ShardWriter::pop() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !queue_.empty() || closed_; });
  if (queue_.empty()) return nullptr;
  auto job = std::move(queue_.front());
  queue_.pop_front();
  changed_.notify_all();
  return job;
}

void ShardWriter::run() try {
  while (const auto job = pop())
    if (!bad_.enough()) copy_rows(*job, 0, job->batch.rows());
  // After pop() has seen that the queue is closed, complete_ does not change.
  if (merge_ != nullptr && complete_ && rows_ > 0 && !bad_.refuse_load()) end_merge();
} catch (const std::exception& error) {
  const std::scoped_lock lock(mutex_);
  failure_ = error.what();
  failed_ = true;
  changed_.notify_all();
}

// No line is to blame for what is refused here: rows that go, or that change one after the other.
void ShardWriter::end_merge() try {
  for (const auto& statement : merge_->end()) session_.execute(statement);
} catch (const SqlFailure& failure) {
  std::string reason = merge_->told(with_key_detail(failure));
  if (failure.sqlstate == sqlstate_unique)
    reason += " (rows change one after the other; those that swap such a value need two loads)";
  if (failure.sqlstate == sqlstate_foreign_key) reason += " (--upsert keeps rows that are not in the input)";
  throw std::runtime_error(reason);
}

// A refused COPY is undone to its savepoint, the row it blames is left out, and the rows before and after it
// are copied again. The rows after a refusal go in small steps at first, for bad rows come in swarms.
void ShardWriter::copy_rows(const CopyJob& job, std::size_t begin, std::size_t end) {
  constexpr std::size_t careful_step = 64;
  std::size_t step = end - begin;
  while (begin < end && !bad_.enough()) {
    const std::size_t until = std::min(end, begin + step);
    const auto failure = try_copy(job, begin, until);
    if (!failure) {
      begin = until;
      step *= 4;
      continue;
    }
    step = careful_step;
    const auto position = copy_position(failure->context, table_);
    const std::size_t blamed = position ? begin + position->line - 1 : until;
    if (blamed < until) {
      copy_rows(job, begin, blamed);
      refuse(job, blamed, *failure);
      begin = blamed + 1;
    } else if (until - begin == 1) {
      refuse(job, begin, *failure);
      begin = until;
    } else {
      // Blamed on the batch as a whole, as foreign keys are: look for the row by halves.
      copy_rows(job, begin, begin + (until - begin) / 2);
      begin += (until - begin) / 2;
      step = until - begin;
    }
  }
}

std::optional<SqlFailure> ShardWriter::try_copy(const CopyJob& job, std::size_t begin, std::size_t end) {
  session_.execute("SAVEPOINT batch");
  try {
    session_.copy(job.statement, job.batch.text(begin, end));
    for (const auto& statement : job.after) session_.execute(statement);
  } catch (const SqlFailure& failure) {
    if (!blames_a_row(failure.sqlstate)) throw;
    session_.execute("ROLLBACK TO SAVEPOINT batch");
    session_.execute("RELEASE SAVEPOINT batch");
    return failure;
  }
  session_.execute("RELEASE SAVEPOINT batch");
  rows_ += end - begin;
  return std::nullopt;
}

void ShardWriter::refuse(const CopyJob& job, std::size_t row, const SqlFailure& failure) {
  const std::uint64_t line = job.batch.line(row);
  ++refused_;
  refused_digest_ ^= hash_bytes(canonical_bytes(static_cast<std::int64_t>(line)));
  if (!tells_) return;
  std::string reason;
  if (const auto position = copy_position(failure.context, table_); position && !position->column.empty())
    reason = "column " + position->column + ": ";
  const std::string message = with_key_detail(failure);
  reason += merge_ != nullptr ? merge_->told(message) : message;
  bad_.add(line, std::move(reason));
}

bool blames_a_row(std::string_view sqlstate) {
  // PostgreSQL 15, appendix A: data exception, integrity constraint violation, WITH CHECK OPTION violation,
  // program limit exceeded (such as an index row that is too long), PL/pgSQL error.
  constexpr std::array<std::string_view, 5> classes{"22", "23", "44", "54", "P0"};
  return std::ranges::any_of(classes, [&](std::string_view name) { return sqlstate.starts_with(name); });
}

// Translations keep "COPY table," and the number; what is between them differs.
std::optional<CopyPosition> copy_position(std::string_view context, std::string_view table) {
  const std::string start = "COPY " + std::string(table) + ",";
  const auto at = context.rfind(start);
  if (at == std::string_view::npos) return std::nullopt;
  context.remove_prefix(at + start.size());
  const auto digits = context.find_first_of("0123456789");
  if (digits == std::string_view::npos) return std::nullopt;
  CopyPosition position;
  const auto read = std::from_chars(context.data() + digits, context.data() + context.size(), position.line);
  if (position.line == 0) return std::nullopt;
  context.remove_prefix(static_cast<std::size_t>(read.ptr - context.data()));
  constexpr std::string_view column = ", column ";
  if (context.starts_with(column)) {
    context.remove_prefix(column.size());
    position.column = context.substr(0, context.find_first_of(":\n"));
  }
  return position;
}

}  // namespace shardplex::operations
