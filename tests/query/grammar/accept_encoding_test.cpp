#include "query/grammar/accept_encoding.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace shardplex;

namespace {

std::string chosen(std::string_view header) {
  const auto coding = parse_accept_encoding(header);
  return coding ? std::string(to_string(*coding)) : "none";
}

}  // namespace

TEST_CASE("a body is encoded as the client likes it best, and of several ways in the best one") {
  CHECK(chosen("gzip") == "gzip");
  CHECK(chosen("gzip, deflate, br, zstd") == "zstd");
  CHECK(chosen("gzip, deflate, br") == "br");
  CHECK(chosen(" GZIP ; q=0.8 , br;q=0.1") == "gzip");
  CHECK(chosen("x-gzip") == "gzip");
  CHECK(chosen("*") == "zstd");
  CHECK(chosen("zstd;q=0, *;q=0.5") == "br");
  CHECK(chosen("gzip;q=0.1, br;q=0.2, zstd;q=0.2, *") == "zstd");
  CHECK(chosen("gzip;q=0.5, identity;q=0.5") == "gzip");
  CHECK(chosen("identity;q=0, gzip;q=0.001") == "gzip");
}

TEST_CASE("a body stays as it is where the client takes nothing else, or likes that better") {
  CHECK(chosen("") == "none");
  CHECK(chosen(",, ;q=1") == "none");
  CHECK(chosen("deflate, compress") == "none");
  CHECK(chosen("identity") == "none");
  CHECK(chosen("gzip;q=0, br;q=0.0") == "none");
  CHECK(chosen("*;q=0") == "none");
  CHECK(chosen("gzip;q=0, br;q=0, zstd;q=0, *") == "none");
  CHECK(chosen("x-gzip;q=0, br;q=0, zstd;q=0, *") == "none");
  CHECK(chosen("gzip;q=0.5, identity") == "none");
  CHECK(chosen("gzipped") == "none");
}
