// Domains that stand for the media type that they are called.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace shardplex {

/// As the media type of a value: any that is asked for.
inline constexpr std::string_view any_media_type = "*/*";

/// The media type that a domain of this name stands for, in lower case: any_media_type, or type/subtype of
/// characters that such names have (RFC 6838, section 4.2). nullopt of other names, and of PostgREST's own
/// types (application/vnd.pgrst.…), which no domain stands for.
std::optional<std::string> media_type_of_domain(std::string_view name);

/// The Content-Type of a value of the media type: with a charset where it is of text that is known to be, as
/// by PostgREST; that of bytes for any type. Precondition: a result of media_type_of_domain().
std::string content_type_of_value(std::string_view value_type);

}  // namespace shardplex
