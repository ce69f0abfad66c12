#include "operations/load/foreign_input.hpp"

#include <doctest/doctest.h>

using namespace shardplex::operations;

namespace {

std::string told(std::string_view beginning, Format format, const std::string& file = "films.csv",
                 char delimiter = ',') {
  return foreign_input(beginning, file, format, {delimiter, "", false}).value_or("");
}

}  // namespace

TEST_CASE("what load reads is not called foreign") {
  CHECK(told("", Format::csv).empty());
  CHECK(told("id,name\n1,a;b\tc\n", Format::csv).empty());
  CHECK(told("id\n1\n", Format::csv).empty());
  CHECK(told("id\tname\n", Format::csv, "films.tsv", '\t').empty());
  CHECK(told("\"a;b\"\n1\n", Format::csv).empty());
  CHECK(told("\n {\"id\":1}\n", Format::ndjson).empty());
}

TEST_CASE("compressed input and UTF-16 are told with the command that helps") {
  using namespace std::string_view_literals;
  CHECK(told("\x1F\x8B\x08\x00"sv, Format::csv, "films.csv.gz") ==
        "it is compressed (gzip): gunzip -c films.csv.gz | shardplex load … --format csv -");
  CHECK(told("\x28\xB5\x2F\xFD"sv, Format::ndjson, "-") ==
        "it is compressed (zstd): zstd -dc | shardplex load … --format ndjson -");
  CHECK(told("\xFF\xFEi\0d\0"sv, Format::csv, "my films.csv") ==
        "it is not UTF-8, but looks like UTF-16: iconv -f UTF-16 -t UTF-8 'my films.csv' | shardplex load … "
        "--format csv -");
  CHECK(told("i\0d\0"sv, Format::csv).find("iconv -f UTF-16LE") != std::string::npos);
}

TEST_CASE("lines that end with carriage returns alone are told with the command that helps") {
  CHECK(told("id,name\r1,x\r", Format::csv) ==
        "its lines end with carriage returns alone: tr '\\r' '\\n' < films.csv | shardplex load … --format "
        "csv -");
  CHECK(told("id,name\r\n1,x\r\n", Format::csv).empty());
  CHECK(told("id,name\r", Format::csv, "-").find("tr '\\r' '\\n' | shardplex") != std::string::npos);
}

TEST_CASE("another delimiter, or another format, is told with the flag that helps") {
  CHECK(told("id;name\n1;x\n", Format::csv) ==
        "line 1: the header's names are separated by semicolons: --delimiter ';'");
  CHECK(told("id\tname\r\n", Format::csv) ==
        "line 1: the header's names are separated by tabs: --delimiter tab");
  CHECK(told("id,name\n", Format::csv, "x", ';') ==
        "line 1: the header's names are separated by commas: --delimiter ','");
  CHECK(told("{\"id\":1}\n", Format::csv) == "it looks like JSON: --format ndjson");
  CHECK(told(" [{\"id\":1}]", Format::ndjson, "films.json") ==
        "it is one JSON array; a line has to be an object: jq -c '.[]' films.json | shardplex load … "
        "--format ndjson -");
}
