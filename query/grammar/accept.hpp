// The Accept header (RFC 9110, section 12.5.1), and media types.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "query/error.hpp"

namespace shardplex {

enum class MediaKind : std::uint8_t {
  any,           ///< */* and application/*
  json,          ///< application/json
  array,         ///< application/vnd.pgrst.array+json, the same as json but for nulls=stripped
  object,        ///< application/vnd.pgrst.object+json
  csv,           ///< text/csv
  ndjson,        ///< application/x-ndjson
  geojson,       ///< application/geo+json
  text,          ///< text/plain
  xml,           ///< text/xml
  octet_stream,  ///< application/octet-stream
  openapi,       ///< application/openapi+json
  form,          ///< application/x-www-form-urlencoded, of a body
  plan,          ///< application/vnd.pgrst.plan
  other,
};

/// What application/vnd.pgrst.plan asks of EXPLAIN.
struct PlanAsked {
  enum class Format : std::uint8_t { text, json } format = Format::text;
  MediaKind of = MediaKind::json;  ///< for="…": the answer whose plan is asked for
  bool of_nulls_stripped = false;
  bool analyze = false, verbose = false, settings = false, buffers = false, wal = false;
  bool operator==(const PlanAsked&) const = default;
};

/// A media type with the parameters that mean something.
struct MediaType {
  MediaKind kind = MediaKind::other;
  std::string name;             ///< as written, in lower case, without parameters
  bool nulls_stripped = false;  ///< of array and object
  std::optional<PlanAsked> plan = std::nullopt;
  bool operator==(const MediaType&) const = default;
};

/// type/subtype;parameter=value… in any case; "q" is no parameter of the type and left out.
MediaType read_media_type(std::string_view text);

/// As PostgREST names it in errors: with the parameters that mean something, in its own spelling.
std::string to_string(const MediaType& type);

/// A media type that a client takes, the more gladly the nearer to 1. With 0 it does not.
struct AcceptedType {
  MediaType type;
  double quality = 1;
  int specificity = 0;  ///< the number of its parameters before "q", less that of its asterisks
};

/// What Accept names, in the order of preference: by quality, then by specificity, then as written.
std::vector<AcceptedType> read_accept(std::string_view header);

/// What an answer is.
enum class Shape : std::uint8_t {
  array,            ///< application/json
  object,           ///< application/vnd.pgrst.object+json: the one row there is
  stripped_array,   ///< application/vnd.pgrst.array+json;nulls=stripped
  stripped_object,  ///< application/vnd.pgrst.object+json;nulls=stripped
  csv,              ///< text/csv
  ndjson,           ///< application/x-ndjson: an object a line
  features,         ///< application/geo+json: a FeatureCollection (RFC 7946, section 3.3)
  value,            ///< the one value that a function returns, as it is, of a media type of its own
};

/// True of an answer that is one row, and an error where there are more or fewer.
bool is_object(Shape shape);

/// The Content-Type of such an answer; of a value that of bytes, where its own type is not known. Lifetime: a
/// literal.
std::string_view content_type(Shape shape);

/// What Accept comes to: a shape, and where a plan was asked for, that of the answer whose plan it is.
struct AcceptedAnswer {
  Shape shape = Shape::array;
  std::optional<PlanAsked> plan = std::nullopt;
  bool operator==(const AcceptedAnswer&) const = default;
};

/// The Content-Type of a plan, as PostgREST spells it.
std::string content_type(const PlanAsked& plan);

/// The answer from Accept, which is an array for */*, for application/* and for none at all; PGRST107 where
/// nothing acceptable is on offer. Plans are on offer with `plans`, of the answers that are; Features with
/// `features`; a value with its `value_type`, a result of media_type_of_domain(), and then before anything
/// else of that type but PostgREST's own. A value of any type also answers */* and no Accept at all.
Result<AcceptedAnswer> parse_accept(std::optional<std::string_view> accept, bool plans, bool features = false,
                                    std::string_view value_type = {});
/// The shape, where no plans are on offer.
Result<Shape> parse_accept(std::optional<std::string_view> accept);

/// The media type of a Content-Type in lower case, without its parameters; "" where there is none.
std::string media_type(std::string_view field);

}  // namespace shardplex
