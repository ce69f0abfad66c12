// From bytes of input to rows of text, and from those to COPY.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <sstream>

#include "operations/load/copy_batch.hpp"
#include "operations/load/row.hpp"
#include "operations/process/failure.hpp"

using namespace shardplex;
using namespace shardplex::operations;

namespace {

Column column(std::string name, std::string type, std::string type_name, bool has_default = false) {
  Column made;
  made.name = std::move(name);
  made.type = std::move(type);
  made.type_name = std::move(type_name);
  made.type_schema = "pg_catalog";
  made.has_default = has_default;
  return made;
}

RowColumns movie_columns() {
  Table table;
  table.name = "movies";
  table.columns = {column("id", "bigint", "int8"),           column("name", "text", "text"),
                   column("genre", "text[]", "_text", true), column("extra", "jsonb", "jsonb"),
                   column("parts", "jsonb[]", "_jsonb"),     column("made", "text", "text")};
  table.columns.back().generated = true;
  return RowColumns(table);
}

std::string shown(const Field& field) {
  if (field.state == Field::State::absent) return "(absent)";
  return field.state == Field::State::null ? "(null)" : field.text;
}

/// The rows of a text: "line: id|name|genre|extra|parts" or "line! problem".
std::vector<std::string> read_all(RowReader& reader, const std::string& text, std::uint64_t first_line = 1) {
  const InputBlock block{0, first_line, text};
  reader.start(block);
  std::vector<std::string> all;
  Row row;
  while (const auto read = reader.next(row)) {
    std::string one = std::to_string(read->line);
    if (read->problem) {
      one += "! " + *read->problem;
    } else {
      one += ": " + shown(row[0]);
      for (std::size_t i = 1; i < 5; ++i) one += "|" + shown(row[i]);
    }
    all.push_back(one);
  }
  return all;
}

std::vector<std::string> read_json(const std::string& text, std::uint64_t first_line = 1) {
  const RowColumns columns = movie_columns();
  return read_all(*make_ndjson_reader(columns), text, first_line);
}

std::vector<std::string> read_csv(const std::string& text, const CsvDialect& dialect = {}) {
  const RowColumns columns = movie_columns();
  return read_all(*make_csv_reader(columns, {0, 1}, dialect), text);
}

const CsvDialect with_crlf{',', "", true};

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("JSON values become PostgreSQL input text") {
  struct Case {
    std::string json, row;
  };
  const std::vector<Case> cases{
      {R"({"id":1,"name":"x"})", "1: 1|x|(absent)|(absent)|(absent)"},
      {R"({"name":null,"id":"7"})", "1: 7|(null)|(absent)|(absent)|(absent)"},
      {R"({"name":true})", "1: (absent)|true|(absent)|(absent)|(absent)"},
      {R"({"name":12345678901234567890.1234567890})",
       "1: (absent)|12345678901234567890.1234567890|(absent)|(absent)|(absent)"},
      {R"({"name":-1e400})", "1: (absent)|-1e400|(absent)|(absent)|(absent)"},
      {R"({"name":"a\"\\\n\u00e9\ud83c\udfac"})", "1: (absent)|a\"\\\né🎬|(absent)|(absent)|(absent)"},
      {R"({"genre":[]})", "1: (absent)|(absent)|{}|(absent)|(absent)"},
      {R"({"genre":["a b","c\"d","e\\f",null,1.50,false,"NULL",""]})",
       R"(1: (absent)|(absent)|{"a b","c\"d","e\\f",NULL,"1.50","false","NULL",""}|(absent)|(absent))"},
      {R"({"genre":[["a"],["b"]]})", R"(1: (absent)|(absent)|{{"a"},{"b"}}|(absent)|(absent))"},
      {R"({"genre":"{a}"})", "1: (absent)|(absent)|{a}|(absent)|(absent)"},
      {R"({"extra":{"a":[1,{"b":null}],"c\"":"d\n"}})",
       R"(1: (absent)|(absent)|(absent)|{"a":[1,{"b":null}],"c\"":"d\n"}|(absent))"},
      {R"({"extra":[[],{},1.10]})", "1: (absent)|(absent)|(absent)|[[],{},1.10]|(absent)"},
      {R"({"extra":"s"})", R"(1: (absent)|(absent)|(absent)|"s"|(absent))"},
      {R"({"extra":3})", "1: (absent)|(absent)|(absent)|3|(absent)"},
      {R"({"parts":[{"a":"b"},[1,2],"c",null]})",
       R"(1: (absent)|(absent)|(absent)|(absent)|{"{\"a\":\"b\"}","[1,2]","\"c\"","null"})"},
  };
  for (const auto& one : cases) {
    CAPTURE(one.json);
    CHECK(read_json(one.json) == Lines{one.row});
  }
}

TEST_CASE("a bad JSON row is told with its line and the rows around it are read") {
  const std::string text =
      "{\"id\":1}\n"
      "\n"
      "{\"id\":2,\"nmae\":\"x\"}\r\n"
      "{\"id\":3\n"
      "{\"id\":4} x\n"
      "[5]\n"
      "6\n"
      "{\"id\":7,\"id\":7}\n"
      "{\"name\":{}}\n"
      "{\"name\":[8]}\n"
      "{\"genre\":[{}]}\n"
      "{\"parts\":{}}\n"
      "{\"made\":1}\n"
      "{\"id\":\"\xff\"}\n"
      "  {\"id\":9}  ";
  CHECK(read_json(text, 100) == Lines{
                                    "100: 1|(absent)|(absent)|(absent)|(absent)",
                                    "102! unknown column nmae (did you mean name?)",
                                    "103! malformed JSON at character 8: incomplete JSON",
                                    "104! text follows the JSON object at character 10",
                                    "105! a row has to be a JSON object, not an array: one object per line",
                                    "106! a row has to be a JSON object",
                                    "107! column id is given twice",
                                    "108! column name: an object does not fit text",
                                    "109! column name: an array does not fit text",
                                    "110! column genre: an array of objects does not fit text[]",
                                    "111! column parts: an object does not fit jsonb[]",
                                    "112! column made is generated and cannot be given",
                                    "113! malformed JSON at character 8: syntax error",
                                    "114: 9|(absent)|(absent)|(absent)|(absent)",
                                });
}

TEST_CASE("JSON nested without end is refused, not followed") {
  const auto rows = read_json("{\"extra\":" + std::string(100'000, '[') + "\n{\"id\":1}");
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].starts_with("1! malformed JSON"));
  CHECK(rows[1].starts_with("2: 1"));
}

TEST_CASE("CSV fields may be quoted, hold commas, quotes and line ends, and be null or empty") {
  CHECK(read_csv("1,a\n"
                 "2,\"b, \"\"c\"\"\nd\"\n"
                 "\n"
                 "3,\n"
                 "4,\"\"\n"
                 "\"5\",e") ==
        Lines{"1: 1|a|(absent)|(absent)|(absent)", "2: 2|b, \"c\"\nd|(absent)|(absent)|(absent)",
              "5: 3|(null)|(absent)|(absent)|(absent)", "6: 4||(absent)|(absent)|(absent)",
              "7: 5|e|(absent)|(absent)|(absent)"});
}

TEST_CASE("a carriage return outside quotes belongs to the end of a line, or is refused, as in COPY") {
  const std::string refused =
      "! a carriage return outside quotes; where it is part of a value, quote the field";
  CHECK(read_csv("1,a\r\n\"2\",\"b\rc\"\r\n\r\n3,d", with_crlf) ==
        Lines{"1: 1|a|(absent)|(absent)|(absent)", "2: 2|b\rc|(absent)|(absent)|(absent)",
              "4: 3|d|(absent)|(absent)|(absent)"});
  CHECK(read_csv("1,a\rb\r\n2,c\n3,d\r\n", with_crlf) ==
        Lines{"1" + refused,
              "2! a line feed outside quotes, where lines end with carriage return and line feed",
              "3: 3|d|(absent)|(absent)|(absent)"});
  CHECK(read_csv("1,a\r\n2,\"b\"\r\n3,c\n") ==
        Lines{"1" + refused, "2" + refused, "3: 3|c|(absent)|(absent)|(absent)"});
}

TEST_CASE("a CSV may have another delimiter and another word for null") {
  CHECK(read_csv("1\ta,b\n2\t\\N\n3\t\"\\N\"\n4\t\n", {'\t', "\\N", false}) ==
        Lines{"1: 1|a,b|(absent)|(absent)|(absent)", "2: 2|(null)|(absent)|(absent)|(absent)",
              "3: 3|\\N|(absent)|(absent)|(absent)", "4: 4||(absent)|(absent)|(absent)"});
  const auto rows = read_csv("1,\\N\n2,\"\\N\"\n");
  CHECK(rows[0].find("give --null '\\N'") != std::string::npos);
  CHECK(rows[1] == "2: 2|\\N|(absent)|(absent)|(absent)");
}

TEST_CASE("a bad CSV row is told with its line and does not swallow the next") {
  CHECK(read_csv("1\n2,b,c\n3,d\"e\n4,\"f\"g\n5,h\n6,\"i") ==
        Lines{"1! 1 fields, the header has 2", "2! 3 fields, the header has 2",
              "3! a quote inside a field that is not quoted (--no-quotes takes quotes for text)",
              "4! text follows the closing quote of a field", "5: 5|h|(absent)|(absent)|(absent)",
              "6! a quote is not closed"});
}

TEST_CASE("without quotes a quote is text like any other") {
  CsvDialect tsv{'\t', "\\N", false};
  tsv.quotes = false;
  CHECK(read_csv("1\t\"a\" b\n2\t\"\n3\t\\N\n4\tc\"\"\n", tsv) ==
        Lines{"1: 1|\"a\" b|(absent)|(absent)|(absent)", "2: 2|\"|(absent)|(absent)|(absent)",
              "3: 3|(null)|(absent)|(absent)|(absent)", "4: 4|c\"\"|(absent)|(absent)|(absent)"});
  std::istringstream in("id\tname\n1\t\"a\n2\t\"b\n");
  InputBlocks blocks(in, Format::csv, 1, '\t', false);
  CHECK(blocks.first_record()->text == "id\tname\n");
  CHECK(blocks.next()->text == "1\t\"a\n");
  CHECK(blocks.next()->text == "2\t\"b\n");
}

TEST_CASE("a list in a CSV is an array of its elements, where the column is an array") {
  const RowColumns columns = movie_columns();
  CsvDialect lists;
  lists.list_separator = '|';
  const auto reader = make_csv_reader(columns, {1, 2}, lists);
  CHECK(read_all(*reader,
                 "a|b,Drama|Comedy\n"
                 "c,Drama\n"
                 "d,\n"
                 "e,\"\"\n"
                 "f,|x y|\n"
                 "g,\"{a,b}|c\"\"d|e\\|NULL\"\n") ==
        Lines{R"(1: (absent)|a|b|{"Drama","Comedy"}|(absent)|(absent))",
              R"(2: (absent)|c|{"Drama"}|(absent)|(absent))", "3: (absent)|d|(null)|(absent)|(absent)",
              "4: (absent)|e|{}|(absent)|(absent)", R"(5: (absent)|f|{"","x y",""}|(absent)|(absent))",
              R"(6: (absent)|g|{"{a,b}","c\"d","e\\","NULL"}|(absent)|(absent))"});
  CHECK_THROWS_WITH_AS(csv_header(columns, {0, 1, "id,name\n"}, lists),
                       "line 1: --list-separator is for arrays, and none of the header's columns is one",
                       CommandFailed);
  CHECK(csv_header(columns, {0, 1, "id,genre\n"}, lists) == std::vector<std::size_t>{0, 2});
}

TEST_CASE("a CSV header names columns in any order, each once") {
  const RowColumns columns = movie_columns();
  CHECK(csv_header(columns, {0, 1, "name,\"id\"\r\n"}, with_crlf) == std::vector<std::size_t>{1, 0});
  CHECK(csv_header(columns, {0, 1, "name;id\n"}, {';', "", false}) == std::vector<std::size_t>{1, 0});
  CHECK_THROWS_WITH_AS(csv_header(columns, {0, 1, "id,nam\n"}),
                       "line 1: unknown column nam (did you mean name?)", CommandFailed);
  CHECK_THROWS_WITH_AS(csv_header(columns, {0, 1, "id,id\n"}), "line 1: column id is named twice",
                       CommandFailed);
  CHECK_THROWS_WITH_AS(csv_header(columns, {0, 1, "id,made\n"}),
                       "line 1: column made is generated and cannot be given", CommandFailed);
}

TEST_CASE("blocks are whole records in order, whatever the size of a block") {
  constexpr unsigned seed = 20240611;
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (const Format format : {Format::ndjson, Format::csv})
    for (int round = 0; round < 200; ++round) {
      std::string text;
      const auto records = random() % 20;
      for (unsigned i = 0; i < records; ++i) {
        text += "r" + std::string(random() % 12, 'x');
        if (format == Format::csv && random() % 2 == 0)
          text += ",\"q\n\"\"\n" + std::string(random() % 5, ',') + "\"";
        text += random() % 4 == 0 ? "\r\n" : "\n";
      }
      if (!text.empty() && random() % 2 == 0) text.pop_back();
      std::istringstream in(text);
      InputBlocks blocks(in, format, 1 + random() % 40);
      std::string together;
      std::uint64_t sequence = 0;
      while (const auto block = blocks.next()) {
        REQUIRE(block->sequence == sequence++);
        REQUIRE(block->text.starts_with('r'));
        const auto lines_before = std::ranges::count(together, '\n');
        REQUIRE(block->first_line == static_cast<std::uint64_t>(lines_before) + 1);
        together += block->text;
      }
      REQUIRE(together == text);
    }
}

TEST_CASE("a byte order mark is passed over, and the CSV header is taken apart from the rows") {
  std::istringstream in("\xEF\xBB\xBFid,name\n1,a\n2,b\n");
  InputBlocks blocks(in, Format::csv);
  CHECK(blocks.first_record()->text == "id,name\n");
  const auto rest = blocks.next();
  REQUIRE(rest);
  CHECK(rest->text == "1,a\n2,b\n");
  CHECK(rest->sequence == 0);
  CHECK(rest->first_line == 2);
  CHECK_FALSE(blocks.next());
}

TEST_CASE("the beginning of an input is looked at and still read, and a quoted delimiter ends no field") {
  std::istringstream in("id;name\n1;\"a\nb\"\n");
  InputBlocks blocks(in, Format::csv, 16, ';');
  CHECK(blocks.beginning().starts_with("id;name\n"));
  CHECK(blocks.beginning().starts_with("id;name\n"));
  CHECK(blocks.first_record()->text == "id;name\n");
  CHECK(blocks.next()->text == "1;\"a\nb\"\n");
}

TEST_CASE("a record without end is refused within bounded memory") {
  std::istringstream in("1,\"" + std::string(InputBlocks::longest_record_bytes + 1, 'x'));
  InputBlocks blocks(in, Format::csv);
  CHECK_THROWS_WITH(blocks.next(), "line 1: a record is longer than 64 MiB; is a quote not closed?");
}

TEST_CASE("rows become COPY text with everything escaped that COPY reads otherwise") {
  const RowColumns columns = movie_columns();
  Row row(columns.size());
  row[0].set("1");
  row[1].set("a\tb\\N\r\n");
  row[3].state = Field::State::null;
  CopyBatch batch(omitted_columns(columns, row));
  batch.append(row, Slot{9}, 3);
  row[0].set("2");
  row[1].set("\\.");
  batch.append(row, Slot{10}, 4);
  CHECK(batch.text(0, 1) == "1\ta\\tb\\\\N\\r\\n\t\\N\t\\N\t9\n");
  CHECK(batch.text(1, 2) == "2\t\\\\.\t\\N\t\\N\t10\n");
  CHECK(batch.text(1, 1).empty());
  CHECK(copy_statement("movies", columns, batch.omitted(), true) ==
        R"(COPY "public"."movies" ("id", "name", "extra", "parts", "shardplex_slot") FROM STDIN)");
  batch.remove({true, false});
  CHECK(batch.rows() == 1);
  CHECK(batch.line(0) == 4);
  CHECK(batch.text(0, 1) == "2\t\\\\.\t\\N\t\\N\t10\n");
}
