// A load whose input stays open until the test lets it end.
#pragma once

#include <chrono>
#include <future>
#include <streambuf>
#include <string>
#include <vector>

#include "tests/cli/command_run.hpp"
#include "tests/operations/cluster_fixture.hpp"

namespace shardplex::test {

class GatedLoad {
 public:
  GatedLoad(const Cluster& cluster, const std::string& table, const std::string& rows,
            const std::vector<std::string>& more = {})
      : cluster_(cluster), input_(rows, gate_.get_future()) {
    outcome_ = std::async(std::launch::async, [this, table, more] {
      std::istream in(&input_);
      std::ostringstream out, err;
      const operations::Terminal terminal{in, out, err};
      std::vector<std::string> args{"load", "--map", cluster_.map(), "--table", table, "-"};
      args.insert(args.end(), more.begin(), more.end());
      CommandRun run;
      run.exit = cli::run_command_line(args, terminal);
      run.out = out.str();
      run.err = err.str();
      return run;
    });
  }

  /// Waits until the load's transaction on the shard is open; throws after 20 s.
  void wait_until_begun(const std::string& shard) const {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (cluster_.sql(shard, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted") ==
           "0")
      if (std::chrono::steady_clock::now() > give_up) throw std::runtime_error("the load does not begin");
  }

  /// Ends the input and waits for the load.
  CommandRun finish() {
    open();
    return outcome_.get();
  }

  ~GatedLoad() { open(); }

 private:
  // Gives the rows, then nothing until the gate opens, then the end.
  class Input : public std::streambuf {
   public:
    Input(std::string rows, std::future<void> gate) : rows_(std::move(rows)), gate_(std::move(gate)) {
      setg(rows_.data(), rows_.data(), rows_.data() + rows_.size());
    }

   protected:
    int_type underflow() override {
      if (gate_.valid()) gate_.get();
      return traits_type::eof();
    }

   private:
    std::string rows_;
    std::future<void> gate_;
  };

  void open() {
    if (!opened_) gate_.set_value();
    opened_ = true;
  }

  const Cluster& cluster_;
  std::promise<void> gate_;
  bool opened_ = false;
  Input input_;
  std::future<CommandRun> outcome_;
};

}  // namespace shardplex::test
