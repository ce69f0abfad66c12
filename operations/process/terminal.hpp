// Where a command reads and writes, and how text looks there: colour and alignment for people, tab-separated
// plain text for programs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <istream>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace shardplex::operations {

enum class Colour : std::uint8_t { none, bold, dim, red, green, yellow };

/// The streams of a command. Tests pass string streams.
struct Terminal {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  bool out_is_tty = false;
  bool err_is_tty = false;
  bool colour = false;     ///< escape sequences are welcome where the stream is a tty
  std::size_t width = 80;  ///< columns of the tty

  /// The process's own streams. NO_COLOR (any non-empty value) and TERM=dumb turn colour off.
  static Terminal of_process();

  std::string paint_out(Colour colour, std::string_view text) const;
  std::string paint_err(Colour colour, std::string_view text) const;

  /// "error: text", "warning: text", "note: text" on a line of standard error.
  void error(std::string_view text) const;
  void warning(std::string_view text) const;
  void note(std::string_view text) const;
};

/// Rows under a header: aligned on a tty, one tab between cells in a pipe.
class TextTable {
 public:
  enum class Align : std::uint8_t { left, right };
  struct Heading {
    std::string text;
    Align align = Align::left;
  };
  struct Cell {
    std::string text;
    Colour colour = Colour::none;
    Cell(std::string t, Colour c = Colour::none) : text(std::move(t)), colour(c) {}
    Cell(const char* t, Colour c = Colour::none) : text(t), colour(c) {}
  };

  explicit TextTable(std::vector<Heading> headings) : headings_(std::move(headings)) {}

  /// Precondition: as many cells as headings.
  void add(std::vector<Cell> row);
  bool empty() const { return rows_.empty(); }
  void print(const Terminal& terminal) const;

 private:
  void print_row(const Terminal& terminal, const std::vector<std::size_t>& widths,
                 const std::vector<Cell>& row) const;
  std::vector<Heading> headings_;
  std::vector<std::vector<Cell>> rows_;
};

/// `text` with what a terminal would act on written out: control characters but tabs and line feeds, and
/// bytes that are not UTF-8, as \x1B. What an input or a server says can then not move the cursor or change
/// the title.
std::string printable(std::string_view text);

/// 1234567 → "1,234,567".
std::string with_thousands(std::uint64_t number);

/// Bytes for people, in binary units: 1536 → "1.5 KiB".
std::string human_bytes(std::uint64_t bytes);

}  // namespace shardplex::operations
