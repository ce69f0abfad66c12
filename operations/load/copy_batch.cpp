#include "operations/load/copy_batch.hpp"

#include "query/plan/sql.hpp"
#include "shard_map/invariant.hpp"
#include "shard_map/joined.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::operations {
namespace {

// PostgreSQL 15, COPY, "Text Format": backslash, newline, carriage return and tab have to be escaped.
void append_escaped(std::string& out, std::string_view value) {
  constexpr std::string_view special("\\\n\r\t", 4);
  for (;;) {
    const auto at = value.find_first_of(special);
    out += value.substr(0, at);
    if (at == std::string_view::npos) return;
    const char c = value[at];
    out += '\\';
    out += c == '\n' ? 'n' : c == '\r' ? 'r' : c == '\t' ? 't' : c;
    value.remove_prefix(at + 1);
  }
}

}  // namespace

Omitted omitted_columns(const RowColumns& columns, const Row& row) {
  Omitted omitted(columns.size());
  for (std::size_t i = 0; i < columns.size(); ++i)
    omitted[i] = columns[i].generated || (columns[i].has_default && row[i].state == Field::State::absent);
  return omitted;
}

void CopyBatch::append(const Row& row, std::optional<Slot> slot, std::uint64_t line) {
  bool first = true;
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (omitted_[i]) continue;
    if (!first) text_ += '\t';
    first = false;
    if (row[i].state == Field::State::text)
      append_escaped(text_, row[i].text);
    else
      text_ += "\\N";
  }
  if (slot) text_.append(first ? "" : "\t").append(std::to_string(slot->value));
  text_ += '\n';
  lines_.push_back(line);
  ends_.push_back(text_.size());
}

std::string_view CopyBatch::text(std::size_t begin, std::size_t end) const {
  if (begin == end) return {};
  const std::size_t from = begin == 0 ? 0 : ends_[begin - 1];
  return std::string_view(text_).substr(from, ends_[end - 1] - from);
}

void CopyBatch::remove(const std::vector<bool>& marked) {
  invariant(marked.size() == rows(), "one mark per row");
  CopyBatch kept(omitted_);
  for (std::size_t i = 0; i < rows(); ++i) {
    if (marked[i]) continue;
    kept.text_ += text(i, i + 1);
    kept.lines_.push_back(lines_[i]);
    kept.ends_.push_back(kept.text_.size());
  }
  *this = std::move(kept);
}

std::string copy_statement(const std::string& table, const RowColumns& columns, const Omitted& omitted,
                           bool with_slot) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < columns.size(); ++i)
    if (!omitted[i]) names.push_back(quote_identifier(columns[i].name));
  if (with_slot) names.push_back(quote_identifier(slot_column));
  return "COPY " + quote_map_name(table) + " (" + joined(names) + ") FROM STDIN";
}

}  // namespace shardplex::operations
