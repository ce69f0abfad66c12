#include "tests/consistency/recorded_load.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <deque>
#include <functional>
#include <iterator>
#include <map>
#include <random>
#include <set>
#include <string_view>
#include <utility>

namespace shardplex::integration {
namespace {

namespace json = boost::json;
using consistency::Action;
using consistency::History;
using consistency::Key;
using consistency::Operation;
using consistency::Outcome;
using consistency::Time;
using consistency::Value;
using Random = std::mt19937_64;

constexpr int setting_up = 0;  // the process that loads films before the clients and takes stock after them
constexpr std::int32_t films = 0, ratings = 1;
constexpr std::size_t most_own_rows = 25;
constexpr auto long_ago = weak_read_staleness + std::chrono::seconds(1);
constexpr const char* genres[] = {"Drama", "Comedy", "Action", "Horror", "Western", "on no list"};

std::string tag(const RecordedLoadOptions& options) {
  return "recorded-" + std::to_string(options.first_id) + '-';
}
std::string films_of(int process) {
  return "films." + std::to_string(process) + '.';
}
std::string ratings_of(std::int64_t film) {
  return "ratings." + std::to_string(film) + '.';
}
const std::string steady_group = "films.steady.";

json::object film(const RecordedLoadOptions& options, const std::string& director, std::int64_t number,
                  std::int64_t votes) {
  return {{"director", tag(options) + director},
          {"primary_genre", genres[static_cast<std::size_t>(number) % std::size(genres)]},
          {"worldwide_gross", number},
          {"imdb_votes", votes}};
}

struct Request {
  std::string method, target;
  json::object body{};
  bool strong = false;
  std::string prefer{};
  std::optional<std::int64_t> film{};  ///< whose shard alone it needs
  std::vector<std::int64_t> films{};   ///< or these
  bool needs_every_shard = false;      ///< or so
};

Headers headers_of(const Request& request) {
  Headers headers;
  if (!request.body.empty()) headers.emplace_back("Content-Type", "application/json");
  if (!request.prefer.empty()) headers.emplace_back("Prefer", request.prefer);
  if (request.strong) headers.emplace_back("Shardplex-Consistency", "strong");
  return headers;
}

Deed deed_of(const Request& request) {
  if (request.method != "GET") return Deed::change;
  return request.strong ? Deed::strong_read : Deed::read;
}

/// That it cannot be done now; anything else is to be done as it was asked for.
bool is_refusal(const HttpResponse& answer) {
  return answer.status == 503 || answer.status == 504;
}

/// What an answer says that is not the one that was asked for. A router says of a write that it may have had
/// its effect that this is not known; of what else it refuses, it says that it has not been done.
Outcome outcome_of(const HttpResponse& answer) {
  const bool is_refused = (answer.status >= 400 && answer.status < 500) || is_refusal(answer);
  const bool is_certain = answer.body.find("not known") == std::string::npos;
  return is_refused && is_certain ? Outcome::failed : Outcome::unknown;
}

std::int64_t number_in(const json::value& row, std::string_view column) {
  return row.at(column).to_number<std::int64_t>();
}

}  // namespace

/// Sends one request after another, chosen by chance, and records them. Thread: its own.
class RecordedLoad::Client {
 public:
  Client(RecordedLoad& load, int process)
      : load_(load),
        options_(load.options_),
        process_(process),
        random_(options_.seed * 1000 + static_cast<std::uint64_t>(process)) {
    if (process > options_.clients)
      watcher_ = &options_.watchers[static_cast<std::size_t>(process - options_.clients - 1)];
    for (const auto port : options_.routers) routers_.emplace_back(port, HttpClient::Repeats::never);
  }

  void run() {
    while (!load_.stopping_) {
      if (watcher_ != nullptr)
        watch();
      else
        act();
      if (options_.pause.count() > 0) std::this_thread::sleep_for(options_.pause);
    }
  }

  std::vector<Operation> operations;
  std::vector<Asked> requests;

 private:
  void watch() {
    const auto film = watcher_->films[static_cast<std::size_t>(below(std::ssize(watcher_->films)))];
    if (watcher_->deed == Deed::change) return compare_and_set(film);
    read_votes(film, watcher_->deed == Deed::strong_read);
  }

  void act() {
    const auto dice = below(100);
    if (dice < 24) return compare_and_set(steady_film());
    if (dice < 30) return write(steady_film());
    if (dice < 44) return read_votes(steady_film(), true);
    if (dice < 54) return read_votes(steady_film(), false);
    if (dice < 60) return read_several();
    if (dice < 72) return own_films_.size() < most_own_rows && chance(60) ? add_film() : remove_film();
    if (dice < 78) return read_own_film();
    if (dice < 88) return own_ratings_.size() < most_own_rows && chance(60) ? add_rating() : remove_rating();
    list();
  }

  std::int64_t below(std::int64_t bound) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(bound));
  }
  bool chance(int percent) { return below(100) < percent; }
  std::int64_t steady_film() { return options_.first_id + below(options_.steady_films); }
  std::int64_t new_number() { return ++load_.numbers_; }
  std::int64_t new_id() { return options_.first_id + options_.steady_films + new_number(); }

  Operation about(Action action, Key key, bool strong = true) const {
    Operation operation;
    operation.process = process_;
    operation.action = action;
    operation.key = key;
    operation.strong = strong;
    return operation;
  }

  /// Whether the answer is one that the API promises; it then goes into the operation.
  using Understand = std::function<bool(const HttpResponse&, Operation&)>;

  /// Sends the request and completes the operation by its answer.
  Operation perform(Operation operation, const Request& request, const Understand& understand) {
    Asked& asking = requests.emplace_back();
    asking.deed = deed_of(request);
    asking.film = request.film;
    asking.films = request.films;
    asking.needs_every_shard = request.needs_every_shard;
    const auto fail = [&](Outcome outcome, const std::string& why) {
      operation.outcome = outcome;
      operation.answer = request.method + ' ' + request.target + ": " + why;
      ++load_.failures_;
    };
    operation.invoked = now();
    try {
      const auto answer = send(request);
      operation.completed = now();
      if (!understand(answer, operation)) {
        fail(outcome_of(answer), std::to_string(answer.status) + ' ' + answer.body);
        asking.wrong = !is_refusal(answer);
        asking.shards = answer.header("Shardplex-Shards").value_or("");
      }
    } catch (const ConnectionFailure& failure) {
      operation.completed = now();
      asking.cut = !could_not_connect(failure);
      fail(asking.cut ? Outcome::unknown : Outcome::failed, failure.what());
    } catch (const std::exception& failure) {  // its JSON is not as promised
      fail(Outcome::unknown, failure.what());
      asking.wrong = true;
    }
    asking.outcome = operation.outcome;
    asking.answer = operation.answer;
    asking.invoked = operation.invoked;
    asking.completed = operation.completed;
    ++load_.requests_;
    return operation;
  }

  static bool could_not_connect(const ConnectionFailure& failure) {
    return std::string_view(failure.what()).starts_with("cannot connect");
  }

  /// To one of the routers, by chance, and on to the next where it takes no connection: nothing was sent.
  HttpResponse send(const Request& request) {
    const auto body = request.body.empty() ? std::string() : json::serialize(request.body);
    const auto first = random_() % routers_.size();
    for (std::size_t i = 0;; ++i) {
      const auto router = (first + i) % routers_.size();
      const bool is_last = i + 1 == routers_.size();
      if (load_.is_out_[router] && !is_last) continue;
      try {
        return routers_[router].request(request.method, request.target, headers_of(request), body);
      } catch (const ConnectionFailure& failure) {
        if (!could_not_connect(failure)) throw;
        load_.is_out_[router] = !options_.admin_ports.empty();
        if (is_last) throw;
      }
    }
  }

  const Operation& record(Operation operation) { return operations.emplace_back(std::move(operation)); }

  void compare_and_set(std::int64_t id) {
    auto operation = about(Action::compare_and_set, {id, films});
    operation.expected = votes_[id];
    operation.value = new_number();
    const Request request{"PATCH",
                          "/movies?select=imdb_votes&id=eq." + std::to_string(id) + "&imdb_votes=eq." +
                              std::to_string(*operation.expected),
                          {{"imdb_votes", *operation.value}},
                          false,
                          "return=representation",
                          id};
    const auto& done =
        record(perform(std::move(operation), request, [](const auto& answer, Operation& asked) {
          if (answer.status != 200) return false;
          const auto rows = json::parse(answer.body).as_array();
          asked.applied = !rows.empty();
          return rows.empty() || (rows.size() == 1 && number_in(rows[0], "imdb_votes") == *asked.value);
        }));
    if (done.outcome != Outcome::ok || !done.applied) return read_votes(id, true);
    votes_[id] = *done.value;
  }

  void write(std::int64_t id) {
    auto operation = about(Action::write, {id, films});
    operation.value = new_number();
    const Request request{
        "PATCH", "/movies/" + std::to_string(id), {{"imdb_votes", *operation.value}}, false, "", id};
    const auto& done =
        record(perform(std::move(operation), request, [](const auto& answer, Operation& asked) {
          asked.applied = answer.status == 204;
          return answer.status == 204 || answer.status == 404;
        }));
    if (done.outcome == Outcome::ok && done.applied) votes_[id] = *done.value;
  }

  void read_votes(std::int64_t id, bool strong) {
    const Request request{"GET", "/movies/" + std::to_string(id) + "?select=imdb_votes", {}, strong, "", id};
    const auto& done = record(
        perform(about(Action::read, {id, films}, strong), request, [](const auto& answer, Operation& asked) {
          if (answer.status == 200) asked.value = number_in(json::parse(answer.body), "imdb_votes");
          return answer.status == 200 || answer.status == 404;
        }));
    if (done.outcome == Outcome::ok && strong && done.value) votes_[id] = *done.value;
  }

  /// Some steady films by their ids, in one request: recorded as a read of each.
  void read_several() {
    const auto first = steady_film();
    const auto end = std::min(first + 5, options_.first_id + options_.steady_films);
    const bool strong = chance(50);
    std::string ids;
    Request request{"GET", "", {}, strong};
    for (auto id = first; id < end; ++id) {
      ids += (ids.empty() ? "" : ",") + std::to_string(id);
      request.films.push_back(id);
    }
    request.target = "/movies?select=id,imdb_votes&id=in.(" + ids + ')';
    std::map<std::int64_t, std::int64_t> seen;
    const auto understand = [&](const auto& answer, Operation&) {
      if (answer.status != 200) return false;
      const auto rows = json::parse(answer.body).as_array();
      for (const auto& row : rows) seen.emplace(number_in(row, "id"), number_in(row, "imdb_votes"));
      return seen.size() == rows.size() && std::ranges::all_of(seen, [&](const auto& film) {
               return film.first >= first && film.first < end;
             });
    };
    const auto done = perform(about(Action::read, {first, films}, strong), request, understand);
    for (auto id = first; id < end; ++id) {
      auto read = done;
      read.key.id = id;
      if (const auto found = seen.find(id); found != seen.end()) read.value = found->second;
      record(std::move(read));
    }
  }

  json::object own_film(std::int64_t number, std::int64_t votes) const {
    return film(options_, std::to_string(process_), number, votes);
  }

  void add_film() {
    if (options_.clients_choose_ids && !removed_films_.empty() && chance(30)) return put_back_film();
    const auto number = new_id();
    auto operation = about(Action::insert, {number, films});
    operation.group = films_of(process_);
    operation.value = number % 1000;
    auto body = own_film(number, *operation.value);
    if (options_.clients_choose_ids && chance(50)) body["id"] = number;
    std::int64_t id = 0;
    const Request request{"POST", "/movies?select=id", std::move(body), false, "return=representation"};
    const auto& done = record(perform(std::move(operation), request, [&](const auto& answer, Operation&) {
      if (answer.status != 201) return false;
      id = number_in(json::parse(answer.body).at(0), "id");
      return !request.body.contains("id") || id == number;
    }));
    if (done.outcome == Outcome::ok) own_films_.push_back({number, id});
  }

  void put_back_film() {
    const auto back = removed_films_.back();
    removed_films_.pop_back();
    auto operation = about(Action::insert, {back.number, films});
    operation.group = films_of(process_);
    operation.value = back.number % 1000;
    const Request request{
        "PUT",  "/movies/" + std::to_string(back.id), own_film(back.number, *operation.value), false, "",
        back.id};
    const auto& done =
        record(perform(std::move(operation), request, [](const auto& answer, Operation& asked) {
          asked.applied = answer.status == 201;  // otherwise it has replaced one
          return answer.status == 201 || answer.status == 204;
        }));
    if (done.outcome == Outcome::ok) own_films_.push_back(back);
  }

  void remove_film() {
    if (own_films_.empty()) return;
    const auto film = take_one(own_films_);
    const Request request{"DELETE", "/movies/" + std::to_string(film.id), {}, false, "", film.id};
    const auto& done = record(perform(about(Action::remove, {film.number, films}), request,
                                      [](const auto& answer, Operation& asked) {
                                        asked.applied = answer.status == 204;
                                        return answer.status == 204 || answer.status == 404;
                                      }));
    if (done.outcome == Outcome::ok) removed_films_.push_back(film);
  }

  /// One that is there or one that it has removed.
  void read_own_film() {
    const auto& from = removed_films_.empty() || chance(60) ? own_films_ : removed_films_;
    if (from.empty()) return;
    const auto& film = from[static_cast<std::size_t>(below(std::ssize(from)))];
    const bool strong = chance(80);
    const Request request{"GET", "/movies/" + std::to_string(film.id) + "?select=worldwide_gross,imdb_votes",
                          {},    strong,
                          "",    film.id};
    record(perform(about(Action::read, {film.number, films}, strong), request,
                   [](const auto& answer, Operation& asked) {
                     if (answer.status == 404) return true;
                     if (answer.status != 200) return false;
                     const auto row = json::parse(answer.body);
                     asked.value = number_in(row, "imdb_votes");
                     return number_in(row, "worldwide_gross") == asked.key.id;
                   }));
  }

  void add_rating() {
    const OwnRow rating{new_id(), steady_film()};
    auto operation = about(Action::insert, {rating.number, ratings});
    operation.group = ratings_of(rating.id);
    operation.value = 1 + rating.number % 10;
    const Request request{"POST",
                          "/ratings",
                          {{"movie_id", rating.id}, {"user_id", rating.number}, {"score", *operation.value}},
                          false,
                          "",
                          rating.id};
    const auto& done = record(perform(std::move(operation), request,
                                      [](const auto& answer, Operation&) { return answer.status == 201; }));
    if (done.outcome == Outcome::ok) own_ratings_.push_back(rating);
  }

  void remove_rating() {
    if (own_ratings_.empty()) return;
    const auto rating = take_one(own_ratings_);
    const Request request{"DELETE",
                          "/ratings?select=user_id&movie_id=eq." + std::to_string(rating.id) +
                              "&user_id=eq." + std::to_string(rating.number),
                          {},
                          false,
                          "return=representation",
                          rating.id};
    record(perform(
        about(Action::remove, {rating.number, ratings}), request, [](const auto& answer, Operation& asked) {
          if (answer.status != 200) return false;
          const auto rows = json::parse(answer.body).as_array();
          asked.applied = !rows.empty();
          return rows.empty() || (rows.size() == 1 && number_in(rows[0], "user_id") == asked.key.id);
        }));
  }

  void list() {
    const auto films_by = [&](const std::string& director) {
      return "/movies?select=worldwide_gross,imdb_votes&director=" + director;
    };
    const auto ratings_from = "/ratings?select=user_id,score&user_id=gte." +
                              std::to_string(options_.first_id) + "&user_id=lt." +
                              std::to_string(options_.first_id + ids_of_a_load);
    const auto dice = below(100);
    if (dice < 10) return count_steady_films();
    if (dice < 25)
      return list_rows(films, steady_group, films_by("eq." + tag(options_) + "steady"), "count=exact");
    if (dice < 50) {
      const auto process = static_cast<int>(1 + below(options_.clients));
      return list_rows(films, films_of(process), films_by("eq." + tag(options_) + std::to_string(process)));
    }
    if (dice < 65) return list_rows(films, "films.", films_by("like." + tag(options_) + '*'));
    if (dice < 85) {
      const auto id = steady_film();
      return list_rows(ratings, ratings_of(id), ratings_from + "&movie_id=eq." + std::to_string(id), "", id);
    }
    list_rows(ratings, "ratings.", ratings_from);
  }

  void list_rows(std::int32_t table, const std::string& group, const std::string& target,
                 const std::string& prefer = "", std::optional<std::int64_t> film = std::nullopt) {
    auto operation = about(Action::list, {}, chance(70));
    operation.group = group;
    const Request request{"GET", target, {}, operation.strong, prefer, film, {}, !film};
    record(perform(std::move(operation), request, [&](const auto& answer, Operation& asked) {
      if (answer.status != 200) return false;
      const auto rows = json::parse(answer.body).as_array();
      for (const auto& row : rows)
        asked.rows.push_back({{number_in(row, table == films ? "worldwide_gross" : "user_id"), table},
                              -1,
                              number_in(row, table == films ? "imdb_votes" : "score")});
      // The count is of the same statements as the rows.
      return prefer.empty() ||
             answer.header("Content-Range").value_or("").ends_with('/' + std::to_string(asked.rows.size()));
    }));
  }

  /// Their number never changes. An answer says nothing of any row, so it is no operation of the history,
  /// unless it is not the right one.
  void count_steady_films() {
    const bool strong = !options_.steady_films_are_replicated || chance(50);
    const Request request{"GET",
                          "/movies?select=id&limit=1&director=eq." + tag(options_) + "steady",
                          {},
                          strong,
                          "count=exact",
                          {},
                          {},
                          true};
    auto asked = about(Action::list, {}, strong);
    asked.group = steady_group;
    auto done = perform(std::move(asked), request, [&](const auto& answer, Operation&) {
      return (answer.status == 200 || answer.status == 206) &&
             answer.header("Content-Range") == "0-0/" + std::to_string(options_.steady_films);
    });
    if (done.outcome != Outcome::ok) record(std::move(done));
  }

  /// A film and its id, or a user and the film rated.
  struct OwnRow {
    std::int64_t number = 0, id = 0;
  };

  OwnRow take_one(std::vector<OwnRow>& rows) {
    std::swap(rows[static_cast<std::size_t>(below(std::ssize(rows)))], rows.back());
    const auto taken = rows.back();
    rows.pop_back();
    return taken;
  }

  RecordedLoad& load_;
  const RecordedLoadOptions& options_;
  const int process_;
  const Watcher* watcher_ = nullptr;
  Random random_;
  std::deque<HttpClient> routers_;
  std::map<std::int64_t, std::int64_t> votes_;  // as last seen, by steady film
  std::vector<OwnRow> own_films_, removed_films_, own_ratings_;
};

RecordedLoad::RecordedLoad(const RecordedLoadOptions& options)
    : options_(options), is_out_(options_.routers.size()) {
  history_.tables = {"movies", "ratings"};
  for (int i = 0; i < options_.steady_films; ++i) {
    Operation loaded;
    loaded.process = setting_up;
    loaded.action = Action::insert;
    loaded.key = {options_.first_id + i, films};
    loaded.group = steady_group;
    loaded.value = 0;
    loaded.invoked = loaded.completed = now() - (options_.steady_films_are_replicated ? long_ago : Time{0});
    history_.operations.push_back(std::move(loaded));
  }
  const int processes = options_.clients + static_cast<int>(options_.watchers.size());
  for (int process = 1; process <= processes; ++process)
    clients_.push_back(std::make_unique<Client>(*this, process));
  for (const auto& client : clients_) threads_.emplace_back([&client = *client] { client.run(); });
  if (!options_.admin_ports.empty()) threads_.emplace_back([this] { look_after_routers(); });
}

void RecordedLoad::look_after_routers() {
  while (!stopping_) {
    for (std::size_t i = 0; i < is_out_.size(); ++i) {
      if (!is_out_[i]) continue;
      try {
        if (HttpClient(options_.admin_ports[i]).get("/ready").status == 200) is_out_[i] = false;
      } catch (const ConnectionFailure&) {
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

RecordedLoad::~RecordedLoad() {
  stopping_ = true;
  for (auto& thread : threads_)
    if (thread.joinable()) thread.join();
}

History RecordedLoad::stop() {
  stopping_ = true;
  for (auto& thread : threads_) thread.join();
  for (const auto& client : clients_) {
    std::ranges::move(client->operations, std::back_inserter(history_.operations));
    std::ranges::move(client->requests, std::back_inserter(asked_));
  }
  return std::move(history_);
}

std::string steady_films(const RecordedLoadOptions& options) {
  std::string lines;
  for (int i = 0; i < options.steady_films; ++i) {
    auto row = film(options, "steady", options.first_id + i, 0);
    row["id"] = options.first_id + i;
    lines += json::serialize(row) + '\n';
  }
  return lines;
}

Time now() {
  return std::chrono::steady_clock::now().time_since_epoch();
}

void add_stock(History& history, const RecordedLoadOptions& options, const Cluster& cluster) {
  std::vector<Primary> primaries;
  for (const auto& shard : cluster.shards()) primaries.push_back({shard, cluster.conninfo(shard)});
  add_stock(history, options, cluster.map(), primaries);
}

void add_stock(History& history, const RecordedLoadOptions& options, const ShardMap& map,
               const std::vector<Primary>& primaries) {
  const auto stock = [&](const std::string& table, std::int32_t number, const std::string& group,
                         const std::string& columns, const std::string& where) {
    Operation list;
    list.process = setting_up;
    list.action = Action::list;
    list.group = group;
    list.invoked = now();
    const auto& slots = map.group(*map.find_table(table)->group).name;
    for (std::size_t place = 0; place < primaries.size(); ++place)
      for (const auto& row :
           Database(primaries[place].conninfo)
               .run("SELECT " + columns + " FROM " + table + " WHERE " + where +
                    " AND shardplex_slot IN (SELECT slot FROM shardplex.slots WHERE grp = '" + slots +
                    "' AND state IN ('owned', 'fenced'))"))
        list.rows.push_back({{row[0].as<std::int64_t>(), number},
                             static_cast<std::int32_t>(place),
                             row[1].as<std::int64_t>()});
    list.completed = now();
    history.operations.push_back(std::move(list));
  };
  history.places.clear();
  for (const auto& primary : primaries) history.places.push_back(primary.shard);
  stock("movies", films, "films.", "worldwide_gross, imdb_votes", "director LIKE '" + tag(options) + "%'");
  stock("ratings", ratings, "ratings.", "user_id, score",
        "user_id >= " + std::to_string(options.first_id) + " AND user_id < " +
            std::to_string(options.first_id + ids_of_a_load));
}

Latencies latencies(const History& history, Time from, Time until) {
  std::vector<Time> times;
  Latencies found;
  const Operation* last = nullptr;
  for (const auto& operation : history.operations) {
    // A request for several rows has an operation for each.
    const auto* before = std::exchange(last, &operation);
    if (before != nullptr && before->process == operation.process && before->invoked == operation.invoked)
      continue;
    if (operation.process == setting_up || operation.invoked < from || operation.invoked >= until) continue;
    times.push_back(operation.completed - operation.invoked);
    if (operation.outcome != Outcome::ok) ++found.failures;
  }
  if (times.empty()) return found;
  std::ranges::sort(times);
  found.requests = times.size();
  found.p50 = times[times.size() / 2];
  found.p99 = times[times.size() * 99 / 100];
  found.max = times.back();
  return found;
}

std::string to_string(const Latencies& latencies) {
  const auto milliseconds = [](Time time) { return std::chrono::duration<double, std::milli>(time).count(); };
  char text[160];
  std::snprintf(text, sizeof text, "%zu requests, %zu failed, p50 %.1f ms, p99 %.1f ms, max %.1f ms",
                latencies.requests, latencies.failures, milliseconds(latencies.p50),
                milliseconds(latencies.p99), milliseconds(latencies.max));
  return text;
}

}  // namespace shardplex::integration
