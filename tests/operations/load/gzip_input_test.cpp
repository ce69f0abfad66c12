#include "operations/load/gzip_input.hpp"

#include <doctest/doctest.h>

#include <random>
#include <sstream>
#include <string>

#include "operations/load/input_blocks.hpp"
#include "tests/operations/load/gzip_text.hpp"

using namespace shardplex::operations;
using shardplex::test::gzip_text;

namespace {

/// What is read of compressed bytes, in pieces of a size of its own.
std::string read_gzip(const std::string& bytes, std::size_t piece_bytes = 1000) {
  std::istringstream in(bytes);
  REQUIRE(GzipInput::is_gzip(in));
  GzipInput input(in);
  std::string all, piece(piece_bytes, '\0');
  while (input.stream()) {
    input.stream().read(piece.data(), static_cast<std::streamsize>(piece.size()));
    all.append(piece, 0, static_cast<std::size_t>(input.stream().gcount()));
  }
  CHECK(input.bytes_taken() == bytes.size());
  return all;
}

/// Text that hardly gets smaller, so that it is longer than the buffers on both sides.
std::string random_text(std::size_t bytes) {
  std::mt19937 random(20240611);
  std::string text(bytes, ' ');
  for (char& c : text) c = static_cast<char>('!' + random() % 90);
  return text;
}

}  // namespace

TEST_CASE("gzip is told by its first byte") {
  std::istringstream gzip(gzip_text("x")), text("id,name\n"), nothing("");
  CHECK(GzipInput::is_gzip(gzip));
  CHECK_FALSE(GzipInput::is_gzip(text));
  CHECK_FALSE(GzipInput::is_gzip(nothing));
}

TEST_CASE("gzip input is read as the text that it holds, however long and in whatever pieces") {
  const std::string text = random_text(300'000);
  CHECK(read_gzip(gzip_text("")).empty());
  CHECK(read_gzip(gzip_text("id,name\n")) == "id,name\n");
  CHECK(read_gzip(gzip_text(text)) == text);
  CHECK(read_gzip(gzip_text(text), 1) == text);
  CHECK(read_gzip(gzip_text(std::string(1'000'000, 'a'))) == std::string(1'000'000, 'a'));
}

TEST_CASE("members of gzip that follow each other are one text, and zeros may fill the end up") {
  CHECK(read_gzip(gzip_text("a\n") + gzip_text("") + gzip_text("b\n")) == "a\nb\n");
  CHECK(read_gzip(gzip_text("a\n") + std::string(100, '\0')) == "a\n");
}

TEST_CASE("gzip input that is cut off, damaged, or followed by something else is refused") {
  const std::string whole = gzip_text(random_text(1000));
  for (const std::size_t left : {std::size_t{1}, std::size_t{9}, whole.size() / 2, whole.size() - 1}) {
    CAPTURE(left);
    CHECK_THROWS_WITH(read_gzip(whole.substr(0, left)), "the gzip input ends early: a part of it is missing");
  }
  std::string damaged = whole;
  char& checksum = damaged[damaged.size() - 6];
  checksum = static_cast<char>(checksum ^ 1);
  CHECK_THROWS_WITH(read_gzip(damaged), "the gzip input is damaged: incorrect data check");
  CHECK_THROWS_WITH(read_gzip(whole + "id,name\n"), "the gzip input is damaged: incorrect header check");
}

TEST_CASE("what is wrong with compressed input comes out of the blocks that are cut from it") {
  const std::string whole = gzip_text("id\n1\n2\n");
  std::istringstream in(whole.substr(0, whole.size() - 4));
  GzipInput input(in);
  InputBlocks blocks(input.stream(), Format::csv);
  CHECK_THROWS_WITH(blocks.next(), "the gzip input ends early: a part of it is missing");
}
