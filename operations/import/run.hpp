// An import from beginning to end: an unsharded database becomes the rows of a cluster, while its own clients
// go on writing to it until the cutover. Each step leaves its traces in the journal, so that whoever comes
// next can go on or undo it.
#pragma once

#include <boost/json.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "operations/import/apply.hpp"
#include "operations/import/baseline.hpp"
#include "operations/import/journal.hpp"
#include "operations/import/losses.hpp"
#include "operations/import/origin.hpp"
#include "operations/import/tables.hpp"
#include "operations/import/way_back.hpp"
#include "operations/shard/mover.hpp"
#include "operations/shard/mover_site.hpp"
#include "operations/shard/schema_dump.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::operations {

class ImportComparison;
class ImportFollower;

struct ImportOptions {
  bool rehearse = false;    ///< stop before the cutover
  AcceptedLosses accepted;  ///< of what the source has got since the import began
  bool way_back = true;     ///< of an import that begins: it can be reversed until finished
  std::chrono::duration<double> patience{60};  ///< of a reversal, for changes to reach the source
  bool source_is_gone = false;                 ///< for good: the import is to be finished without it
  std::uint64_t bytes_per_second = 0;          ///< of the copy; 0: as fast as it goes
  std::chrono::duration<double> max_lag{1};    ///< of the shards behind the source, before the fence
};

/// How far an import is; what a phase has nothing to say about is 0.
struct ImportAdvance {
  ImportPhase phase = ImportPhase::prepare;
  std::uint64_t rows_copied = 0, bytes_copied = 0;  ///< of this run; bytes as COPY text
  double rows_expected = 0;                         ///< the source's estimate
  std::uint64_t changes_applied = 0;                ///< of this run
  std::uint64_t rows_compared = 0;
  std::uint64_t lag_bytes = 0;  ///< of the source's log, not applied yet
};

boost::json::object to_json(const ImportAdvance& advance);

struct ImportReport {
  std::string id;
  ImportAdvance advance;
  std::optional<std::chrono::milliseconds>
      write_pause;  ///< from the fence to the decision; nullopt: not in this run
};

/// Called when a phase begins, and about every 100 ms.
using ImportWatch = std::function<void(const ImportAdvance&)>;

/// Finds the import that the shards of the map know of; nullopt where there is none. Throws CommandFailed
/// where the first shard has no primary.
std::optional<ImportEntry> find_import(const ShardMap& map);

/// The same; throws CommandFailed where there is none.
ImportEntry existing_import(const ShardMap& map);

class ImportRunner {
 public:
  /// Takes up the import that is there, or begins one: then `source` has passed check_import(). `source` may
  /// be empty where there is one. Where a reversal is decided, opens the source, whatever other shards than
  /// the first are down. Throws CommandFailed where another import or move is under way, where the import
  /// that is there is of another source or by another placement, or it is done.
  ImportRunner(const ShardMap& map, const std::string& source, const ImportOptions& options,
               ImportWatch watch);
  ~ImportRunner();

  /// Goes on to the end, or (rehearse) to the fence. May be called again, by any process, after any failure.
  /// Throws CommandFailed, SqlFailure and pqxx's exceptions; the reason is in the journal too.
  ImportReport run();

  /// Removes all that the import has made. Throws CommandFailed where the cutover is decided, unless the
  /// import has been reversed.
  void abort();

  /// Gives the data back to the source with all that was written since the cutover, and opens it. May be
  /// called again after any failure; one before the decision leaves the shards open. Begins nothing where a
  /// server that the map names is not there; what one that died has left closed it opens on those that are.
  /// Throws as run() does.
  ImportReport reverse();

  /// Removes the way back.
  void finish_import();

 private:
  using Clock = std::chrono::steady_clock;

  // The beginning (run_begin.cpp)
  void prepare_shards(const std::string& source);
  void reach_shards();
  void reach_source(const std::string& source);
  void connect_source(const std::string& source);
  void require_all_reached();
  void check_placement();
  bool is_within_reversal() const {
    return entry_.phase == ImportPhase::reversing || entry_.phase == ImportPhase::returning;
  }
  Clock::duration patience() const { return std::chrono::duration_cast<Clock::duration>(options_.patience); }

  ImportPhase phase();
  void enter(ImportPhase phase);
  void read_tables();
  void go_on(ImportReport& report);
  std::vector<std::string> steps();
  std::vector<std::string> owners();  ///< the shards that own slots
  void require_undecided();
  void open_follower();
  void check_since_beginning();
  void note_references(ImportBaseline before, const ImportBaseline& now);
  void follow();
  void advanced();
  void note_progress();
  void note_problem(const std::string& problem);
  /// What `work` returns; why it throws gets into the journal.
  ImportReport noting_problems(const std::function<ImportReport()>& work);

  // The tables on the shards (run_tables.cpp)
  void make_tables();
  void make_tables_on(MoveSite& site, const SchemaDump& dump);
  std::vector<SchemaObject> schema_objects();
  std::string as_mover_sql() const;
  std::string uncounted_keys_sql(const std::vector<SchemaObject>& made);
  void check_columns();
  void make_indexes();
  void make_indexes_on(MoveSite& site, const SchemaDump& dump, const std::vector<SchemaObject>& objects);

  // The copy (run_copy.cpp)
  void copy();
  void copy_snapshot(const std::string& snapshot);

  // The cutover (run_cutover.cpp)
  void cut_over(ImportReport& report);
  Lsn raise_fence();
  void decide();
  void set_sequences();
  /// In one transaction of each shard: those that are open, and the others.
  void separate_sequences_on(std::vector<pqxx::transaction_base*> open);
  void own_slots();
  static void own_slots_on(pqxx::transaction_base& transaction);
  void finish();
  void remove_from_source();

  // The way back (run_way_back.cpp)
  void prepare_way_back();
  static Lsn position_of(MoveSite& site);
  void note_way_back();
  std::optional<WayBack> way_back_of(MoveSite& site);
  void open_way_back();
  void close_way_back();

  // The reversal (run_return.cpp)
  void require_way_back();
  void await_source(Clock::time_point deadline);
  static std::set<TouchedRow> differing(ImportComparison& comparison, const std::set<TouchedRow>& rows,
                                        std::vector<std::string>* told);
  std::chrono::milliseconds reverse_once();
  void bring_sequences_back();  // run_sequences_back.cpp
  /// What a reversal that died, or was forgotten by a failover, has left behind.
  void take_back_remains();

  // Its hand-over (run_hand_back.cpp)
  enum class Replicas : bool { connected, all };
  static void await_replicas(MoveSite& site, Replicas which, Clock::time_point deadline);
  void fence_reference_tables();
  void fence_shards();
  void hand_back(Clock::time_point deadline);
  void open_source(Clock::time_point deadline);
  bool has_remains();
  void take_back();
  void complete_take_back();

  const ShardMap& map_;
  ImportOptions options_;
  ImportWatch watch_;
  ImportEntry entry_;
  std::unique_ptr<Mover> mover_;
  std::vector<std::unique_ptr<MoveSite>> sites_;  // by shard; the first one is always there
  std::unique_ptr<ImportOrigin> origin_;          // nullptr where the source is gone, or not reached
  std::vector<std::string> not_reached_;          // why servers are missing, within a reversal
  bool is_under_way_ = false;  // this process reverses the import, and has not begun to open the source
  std::vector<ImportTable> tables_;
  std::unique_ptr<ImportFollower> follower_;
  ImportAdvance advance_;
  Clock::time_point noted_at_{};
};

}  // namespace shardplex::operations
