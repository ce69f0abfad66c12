// Bodies of CSV and forms, and rows as texts.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "query/grammar/body.hpp"
#include "query/grammar/csv_body.hpp"
#include "query/grammar/form_body.hpp"
#include "query/grammar/row_texts.hpp"

using namespace shardplex;

namespace {

using Names = std::vector<std::string>;

CsvRows csv_rows(std::string_view csv, const Names& watched = {}) {
  return read_csv(csv, watched).value();
}

std::string csv_refusal(std::string_view csv) {
  const auto read = read_csv(csv, Names{});
  REQUIRE(read.has_error());
  CHECK(read.error().code == "PGRST102");
  return read.error().message + "; " + read.error().details.value_or("");
}

std::string shapes_of(std::string_view json, const Names& noted) {
  const auto body = read_body(json, Names{}, false, noted).value();
  std::string shapes;
  for (const auto row : body.shape_of_row) shapes += (shapes.empty() ? "" : " ") + body.shapes.at(row);
  return shapes;
}

}  // namespace

TEST_CASE("the lines of CSV are objects of strings under short names") {
  const auto rows = csv_rows("name,age,height\nJ Doe,62,70\nJonas,10,55\n");
  CHECK(rows.json == R"([{"0":"J Doe","1":"62","2":"70"},{"0":"Jonas","1":"10","2":"55"}])");
  CHECK(rows.body == Body{true, 2, {"name", "age", "height"}, {}});
  CHECK(rows.members == Names{"0", "1", "2"});
}

TEST_CASE("the word NULL is null in CSV, and an empty field is an empty string") {
  CHECK(csv_rows("a,b,c,d\nNULL,,\"NULL\",null").json == R"([{"0":null,"1":"","2":null,"3":"null"}])");
}

TEST_CASE("quoted fields of CSV hold commas, quotes and line breaks") {
  CHECK(csv_rows("a,\"b \"\"x\"\"\"\r\n\"1,\n2\",\"say \"\"hi\"\"\"\r\n").json ==
        R"([{"0":"1,\n2","1":"say \"hi\""}])");
  CHECK(csv_rows("\"b \"\"x\"\"\"\n1").body.keys == Names{"b \"x\""});
}

TEST_CASE("empty lines of CSV are no rows, and the last line need not end") {
  CHECK(csv_rows("\n\na\n\n1\n\n2").body.rows == 2);
  CHECK(csv_rows("a\n\"\"").body.rows == 1);
  const auto none = csv_rows("a,b\n");
  CHECK(none.json == "[]");
  CHECK(none.body.rows == 0);
  CHECK(none.body.keys.empty());
}

TEST_CASE("watched columns of CSV are taken out of its rows") {
  const auto rows = csv_rows("name,id\nx,5\ny,NULL", {"id", "genre"});
  CHECK(rows.json == R"([{"0":"x"},{"0":"y"}])");
  CHECK(rows.body.keys == Names{"name", "id"});
  CHECK(rows.body.watched.at(0) ==
        std::vector<BodyValue>{{BodyValue::Kind::text, "5"}, {BodyValue::Kind::null, ""}});
  CHECK(rows.body.watched.at(1) == std::vector<BodyValue>(2));
}

TEST_CASE("of a column that CSV names twice the last counts") {
  const auto rows = csv_rows("a,b,a\n1,2,3", {"a"});
  CHECK(rows.body.watched.at(0).front().text == "3");
  CHECK(rows.body.keys == Names{"b", "a"});
  CHECK(rows.json == R"([{"1":"2"}])");
}

TEST_CASE("CSV that cannot be read is refused with the place in it") {
  CHECK(csv_refusal("") ==
        "Empty or invalid csv; the first line names the columns: line 1, column 1 (byte 0)");
  CHECK(csv_refusal("a\n\"x") == "Empty or invalid csv; a quote is not closed: line 2, column 3 (byte 4)");
  CHECK(csv_refusal("a\nx\"y\"").starts_with("Empty or invalid csv; a quote is not where a field begins: "));
  CHECK(csv_refusal("a\n\"x\"y").starts_with("Empty or invalid csv; text stands behind a closing quote: "));
  CHECK(csv_refusal("a\n\xFF").starts_with("Empty or invalid csv; the text is not UTF-8: line 2, column 1"));
  CHECK(csv_refusal("a,b\n1").starts_with("All lines must have same number of fields; a line has 1 and"));
  CHECK(csv_refusal("a,b\n1,2\n1,2,3") ==
        "All lines must have same number of fields; a line has 3 and the first has 2: line 3, column 1 (byte "
        "8)");
  CHECK(csv_refusal(std::string(1600, ',') + "\n").find("more columns than a table can have") !=
        std::string::npos);
}

TEST_CASE("a form is one object of strings, in which the last of a name counts") {
  CHECK(form_as_json("name=John+Doe&age=50&weight=80").value() ==
        R"({"age":"50","name":"John Doe","weight":"80"})");
  CHECK(form_as_json("a=1&a=%22NULL%22&b").value() == R"({"a":"\"NULL\"","b":""})");
  CHECK(form_as_json("").value() == "{}");
  CHECK(form_as_json("a=%FF").error().code == "PGRST102");
  std::string many;
  for (std::size_t i = 0; i <= most_form_parameters; ++i) many += "a&";
  CHECK(http_status(form_as_json(many).error()) == 413);
}

TEST_CASE("the rows of a body are its elements as they are spelled") {
  CHECK(row_texts(R"( [ {"a":[1,{"b":"]"}]} , {"c":"\"},{"} ] )") ==
        std::vector<std::string_view>{R"({"a":[1,{"b":"]"}]})", R"({"c":"\"},{"})"});
  CHECK(row_texts("[ ]").empty());
  CHECK(row_texts(" {\"a\":1} ") == std::vector<std::string_view>{"{\"a\":1}"});
}

TEST_CASE("a body tells which of some columns its rows have") {
  CHECK(shapes_of(R"([{"a":1},{"b":2,"c":3},{"a":null},{}])", {"a", "b"}) == "10 01 10 00");
  CHECK(shapes_of(R"({"b":{"a":1}})", {"a", "b"}) == "01");
  CHECK(shapes_of("[{},{}]", {}) == "");
  CHECK(shapes_of("[]", {"a"}) == "");
}
