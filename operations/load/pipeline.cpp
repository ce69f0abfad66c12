#include "operations/load/pipeline.hpp"
#include "operations/process/failure.hpp"

#include <algorithm>
#include <chrono>
#include <thread>
#include <unordered_map>

#include "operations/shard/server.hpp"
#include "query/plan/owned_slots.hpp"
#include "query/plan/sql.hpp"

namespace shardplex::operations {

/// A block's rows, by shard.
struct LoadPipeline::ParsedBlock {
  /// A row whose key has to be unique over lists.
  struct Key {
    std::string text, canonical;
    std::uint64_t line;
    std::size_t shard, batch, row;  ///< batches[shard][batch], its row
    bool refused = false;
  };
  std::vector<std::vector<CopyBatch>> batches;  ///< by shard; of a reference table all are at 0
  std::vector<Key> keys;
  std::vector<BadRow> bad;  ///< told when the block is admitted, so that they come in input order
};

/// Finds keys that the shards hold already; under list these are of one column. One per parsing thread.
class LoadPipeline::ExistingKeys {
 public:
  explicit ExistingKeys(const LoadTarget& target) : target_(target) {
    const std::string some = "SELECT EXISTS (SELECT FROM " + quote_map_name(target.table.name) + ")";
    for (const auto& shard : target.map->shards()) {
      auto connection = connect_to_primary(shard);
      // Loads of one table take turns, and routers make ids of their own: an empty table stays without our
      // keys.
      if (pqxx::nontransaction(*connection).exec1(some)[0].as<bool>())
        holders_.push_back({&shard, std::move(connection)});
    }
  }

  /// Marks the keys that exist, and tells of them.
  void refuse(ParsedBlock& parsed) {
    if (holders_.empty() || parsed.keys.empty()) return;
    const auto found = find(parsed.keys);
    for (auto& key : parsed.keys)
      if (const auto holder = found.find(key.canonical); holder != found.end()) {
        key.refused = true;
        parsed.bad.push_back(
            {key.line, key_name() + " " + key.text + " exists already on " + holder->second->name});
      }
  }

 private:
  struct Holder {
    const Shard* shard;
    std::unique_ptr<pqxx::connection> connection;
  };

  /// Canonical key → the shard that holds it, for those of `keys` that exist.
  std::unordered_map<std::string, const Shard*> find(const std::vector<ParsedBlock::Key>& keys) {
    std::vector<std::string> texts;
    for (const auto& key : keys) texts.push_back(key.text);
    const std::string literal = array_literal(std::span<const std::string>(texts));
    std::unordered_map<std::string, const Shard*> found;
    for (auto& holder : holders_) {
      pqxx::nontransaction transaction(*holder.connection);
      for (const auto& row : transaction.exec_params(query(), literal, target_.sharded->group->name))
        if (auto bytes = canonical_bytes(target_.sharded->key.front().type, row[0].as<std::string>()))
          found.emplace(*std::move(bytes), holder.shard);
    }
    return found;
  }

  const std::string& key_name() const { return target_.columns[target_.sharded->key.front().index].name; }

  std::string query() const {
    const Column& column = *target_.table.find_column(key_name());
    const auto type = target_.sharded->key.front().type;
    const std::string array =
        type == KeyType::citext || type == KeyType::enumeration
            ? quote_identifier(column.type_schema) + '.' + quote_identifier(column.type_name) + "[]"
            : std::string(key_array_type(type));
    const std::string key = "t." + quote_identifier(key_name());
    return "SELECT " + key + "::text FROM " + quote_map_name(target_.table.name) + " t WHERE " + key +
           " = ANY ($1::" + array + ") AND t." + quote_identifier(slot_column) + " IN (" +
           select_owned_slots("$2") + ")";
  }

  const LoadTarget& target_;
  std::vector<Holder> holders_;
};

LoadPipeline::LoadPipeline(const LoadTarget& target, InputBlocks& input, MakeReader make_reader,
                           std::vector<CopySession>& sessions, BadRows& bad, const StagedMerge* merge)
    : target_(target),
      input_(input),
      make_reader_(std::move(make_reader)),
      bad_(bad),
      merge_(merge),
      ids_(target.map->shards().front().primary) {
  if (target.sharded && target.sharded->unique_over_lists) keys_.emplace(target.sharded->key.front().type);
  for (auto& session : sessions) {
    const bool tells = target.sharded.has_value() || writers_.empty();
    writers_.push_back(std::make_unique<ShardWriter>(target.table.name, session, bad, tells, merge));
  }
}

LoadPipeline::~LoadPipeline() = default;

std::uint64_t LoadPipeline::rows() const {
  std::uint64_t sum = 0, least = UINT64_MAX;
  for (const auto& writer : writers_) {
    sum += writer->rows();
    least = std::min(least, writer->rows());
  }
  return target_.sharded ? sum : least;
}

std::vector<std::string> LoadPipeline::run(unsigned jobs, const std::function<void()>& tick) {
  constexpr std::chrono::milliseconds tick_interval{100};
  working_ = jobs;
  std::vector<std::jthread> threads;
  for (unsigned i = 0; i < jobs; ++i) threads.emplace_back([this] { work(); });
  for (std::unique_lock lock(mutex_); working_ > 0;) {
    changed_.wait_for(lock, tick_interval, [this] { return working_ == 0; });
    lock.unlock();
    tick();
    lock.lock();
  }
  threads.clear();
  const bool complete = !stopped_;  // the threads that set it are gone
  for (auto& writer : writers_) writer->close(complete);
  for (auto& writer : writers_) writer->finish();
  tick();
  return failures();
}

std::vector<std::string> LoadPipeline::failures() {
  std::vector<std::string> all = worker_failures_;
  const auto& shards = target_.map->shards();
  for (std::size_t i = 0; i < writers_.size(); ++i)
    if (writers_[i]->failure()) all.push_back(shards[i].name + ": " + *writers_[i]->failure());
  if (target_.sharded || !all.empty() || bad_.enough()) return all;
  for (std::size_t i = 1; i < writers_.size(); ++i)
    if (writers_[i]->refused() != writers_[0]->refused())
      all.push_back(shards[0].name + " and " + shards[i].name +
                    " refuse different rows; their copies of the reference table differ");
  return all;
}

void LoadPipeline::work() {
  try {
    const auto reader = make_reader_();
    std::optional<ExistingKeys> existing;
    if (keys_) existing.emplace(target_);
    while (const auto block = take_block()) {
      ParsedBlock parsed = parse(*block, *reader);
      if (existing) existing->refuse(parsed);
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return turn_ == block->sequence || stopped_; });
        if (stopped_) break;
      }
      admit(std::move(parsed));
      bytes_read_ += block->text.size();
      if (bad_.enough() || std::ranges::any_of(writers_, [](const auto& writer) { return writer->failed(); }))
        stop();
      const std::scoped_lock lock(mutex_);
      ++turn_;
      changed_.notify_all();
    }
  } catch (const std::exception& error) {
    stop();
    const std::scoped_lock lock(mutex_);
    worker_failures_.push_back(reason_of(error));
  }
  const std::scoped_lock lock(mutex_);
  --working_;
  changed_.notify_all();
}

void LoadPipeline::stop() {
  const std::scoped_lock lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

std::optional<InputBlock> LoadPipeline::take_block() {
  {
    const std::scoped_lock lock(mutex_);
    if (stopped_) return std::nullopt;
  }
  const std::scoped_lock lock(input_mutex_);
  return input_.next();
}

LoadPipeline::ParsedBlock LoadPipeline::parse(const InputBlock& block, RowReader& reader) {
  ParsedBlock parsed;
  parsed.batches.resize(target_.sharded ? writers_.size() : 1);
  Row row;
  reader.start(block);
  while (auto read = reader.next(row)) {
    if (read->problem)
      parsed.bad.push_back({read->line, *std::move(read->problem)});
    else
      place(row, read->line, parsed);
  }
  return parsed;
}

/// True where the row had no key and now has one that nothing else has.
bool LoadPipeline::give_id(Row& row) {
  Field& key = row[target_.sharded->key.front().index];
  if (!target_.sharded->generates_ids || key.state == Field::State::text) return false;
  key.set(std::to_string(ids_.next()));
  return true;
}

void LoadPipeline::place(Row& row, std::uint64_t line, ParsedBlock& parsed) {
  if (auto problem = merge_ != nullptr ? merge_->key_problem(row) : std::nullopt) {
    parsed.bad.push_back({line, *std::move(problem)});
    return;
  }
  std::size_t shard = 0;
  std::optional<Slot> slot;
  std::optional<ParsedBlock::Key> key;
  if (target_.sharded) {
    const bool fresh = give_id(row);
    auto found = target_.sharded->place(row, target_.columns);
    if (auto* problem = std::get_if<std::string>(&found)) {
      parsed.bad.push_back({line, std::move(*problem)});
      return;
    }
    auto& where = std::get<RowPlace>(found);
    shard = where.shard.value;
    slot = where.slot;
    if (keys_ && !fresh)
      key = {row[target_.sharded->key.front().index].text, std::move(where.key), line, shard, 0, 0};
  }
  auto& batches = parsed.batches[shard];
  Omitted omitted = merge_ != nullptr ? merge_->omitted(row) : omitted_columns(target_.columns, row);
  auto batch = std::ranges::find(batches, omitted, &CopyBatch::omitted);
  if (batch == batches.end()) batch = batches.emplace(batches.end(), std::move(omitted));
  if (key) {
    key->batch = static_cast<std::size_t>(batch - batches.begin());
    key->row = batch->rows();
    parsed.keys.push_back(*std::move(key));
  }
  batch->append(row, slot, line);
}

/// Takes the rows out whose key was given before, or exists.
void LoadPipeline::refuse_repeated(ParsedBlock& parsed) {
  const std::string& name = target_.columns[target_.sharded->key.front().index].name;
  std::vector<std::vector<std::vector<bool>>> marked(parsed.batches.size());
  for (std::size_t shard = 0; shard < marked.size(); ++shard)
    marked[shard].resize(parsed.batches[shard].size());
  for (auto& key : parsed.keys) {
    const auto first_line = key.refused ? std::nullopt : keys_->add(key.canonical, key.line);
    if (first_line)
      parsed.bad.push_back(
          {key.line, name + " " + key.text + " is also on line " + std::to_string(*first_line)});
    if (!first_line && !key.refused) continue;
    auto& marks = marked[key.shard][key.batch];
    marks.resize(parsed.batches[key.shard][key.batch].rows());
    marks[key.row] = true;
  }
  for (std::size_t shard = 0; shard < marked.size(); ++shard)
    for (std::size_t batch = 0; batch < marked[shard].size(); ++batch)
      if (!marked[shard][batch].empty()) parsed.batches[shard][batch].remove(marked[shard][batch]);
}

std::shared_ptr<const CopyJob> LoadPipeline::job_of(CopyBatch batch) const {
  CopyJob job{"", std::move(batch), {}};
  const Omitted& omitted = job.batch.omitted();
  if (merge_ != nullptr) {
    job.statement = merge_->copy(omitted);
    job.after = merge_->after_copy(omitted);
  } else {
    job.statement = copy_statement(target_.table.name, target_.columns, omitted, target_.sharded.has_value());
  }
  return std::make_shared<const CopyJob>(std::move(job));
}

void LoadPipeline::admit(ParsedBlock parsed) {
  if (keys_) refuse_repeated(parsed);
  for (auto& row : parsed.bad) bad_.add(row.line, std::move(row.reason));
  for (std::size_t shard = 0; shard < parsed.batches.size(); ++shard)
    for (auto& batch : parsed.batches[shard]) {
      if (batch.rows() == 0) continue;
      const auto job = job_of(std::move(batch));
      const std::size_t last = target_.sharded ? shard + 1 : writers_.size();
      for (std::size_t to = shard; to < last; ++to)
        if (!writers_[to]->push(job)) return stop();
    }
}

}  // namespace shardplex::operations
