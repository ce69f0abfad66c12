#include "operations/process/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <iostream>

#include "shard_map/invariant.hpp"
#include "shard_map/utf8.hpp"

namespace shardplex::operations {
namespace {

std::string_view escape_of(Colour colour) {
  switch (colour) {
    case Colour::bold:
      return "\033[1m";
    case Colour::dim:
      return "\033[2m";
    case Colour::red:
      return "\033[31m";
    case Colour::green:
      return "\033[32m";
    case Colour::yellow:
      return "\033[33m";
    case Colour::none:
      break;
  }
  return "";
}

std::string paint(bool wanted, Colour colour, std::string_view text) {
  if (!wanted || colour == Colour::none) return std::string(text);
  return std::string(escape_of(colour)).append(text).append("\033[0m");
}

bool environment_allows_colour() {
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  return (no_color == nullptr || *no_color == '\0') && (term == nullptr || std::string_view(term) != "dumb");
}

std::size_t tty_width() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

// Characters, not bytes: UTF-8 continuation bytes take no room.
std::size_t display_width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace

Terminal Terminal::of_process() {
  return Terminal{std::cin,
                  std::cout,
                  std::cerr,
                  isatty(STDOUT_FILENO) != 0,
                  isatty(STDERR_FILENO) != 0,
                  environment_allows_colour(),
                  tty_width()};
}

std::string Terminal::paint_out(Colour which, std::string_view text) const {
  return paint(colour && out_is_tty, which, text);
}

std::string Terminal::paint_err(Colour which, std::string_view text) const {
  return paint(colour && err_is_tty, which, text);
}

void Terminal::error(std::string_view text) const {
  err << paint_err(Colour::red, "error:") << ' ' << printable(text) << '\n';
}

void Terminal::warning(std::string_view text) const {
  err << paint_err(Colour::yellow, "warning:") << ' ' << printable(text) << '\n';
}

void Terminal::note(std::string_view text) const {
  err << paint_err(Colour::bold, "note:") << ' ' << printable(text) << '\n';
}

void TextTable::add(std::vector<Cell> row) {
  invariant(row.size() == headings_.size(), "one cell per heading");
  for (auto& cell : row) cell.text = printable(cell.text);
  rows_.push_back(std::move(row));
}

void TextTable::print(const Terminal& terminal) const {
  std::vector<Cell> header;
  std::vector<std::size_t> widths;
  for (const auto& heading : headings_) {
    header.emplace_back(heading.text, Colour::bold);
    widths.push_back(display_width(heading.text));
  }
  for (const auto& row : rows_)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i].text));
  print_row(terminal, widths, header);
  for (const auto& row : rows_) print_row(terminal, widths, row);
}

void TextTable::print_row(const Terminal& terminal, const std::vector<std::size_t>& widths,
                          const std::vector<Cell>& row) const {
  for (std::size_t i = 0; i < row.size(); ++i) {
    const bool last = i + 1 == row.size();
    const bool right = headings_[i].align == Align::right;
    const std::string padding(terminal.out_is_tty ? widths[i] - display_width(row[i].text) : 0, ' ');
    if (right) terminal.out << padding;
    terminal.out << terminal.paint_out(row[i].colour, row[i].text);
    if (!right && !last) terminal.out << padding;
    if (!last) terminal.out << (terminal.out_is_tty ? "  " : "\t");
  }
  terminal.out << '\n';
}

std::string printable(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  const auto write_out = [&](char c) {
    const auto byte = static_cast<unsigned char>(c);
    out.append("\\x").append(1, digits[byte >> 4]).append(1, digits[byte & 0xF]);
  };
  while (!text.empty()) {
    const std::size_t valid = valid_utf8_prefix(text);
    for (std::size_t i = 0; i < valid; ++i) {
      const auto byte = static_cast<unsigned char>(text[i]);
      // U+0080 to U+009F are control characters too; UTF-8 writes them as C2 and themselves.
      const bool second_set = byte == 0xC2 && static_cast<unsigned char>(text[i + 1]) < 0xA0;
      if (second_set) {
        write_out(text[i]);
        write_out(text[++i]);
      } else if ((byte < 0x20 && byte != '\t' && byte != '\n') || byte == 0x7F) {
        write_out(text[i]);
      } else {
        out += text[i];
      }
    }
    text.remove_prefix(valid);
    if (text.empty()) break;
    write_out(text.front());
    text.remove_prefix(1);
  }
  return out;
}

std::string with_thousands(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, 1, ',');
  return digits;
}

std::string human_bytes(std::uint64_t bytes) {
  constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < units.size()) {
    value /= 1024;
    ++unit;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
  return text.data();
}

}  // namespace shardplex::operations
