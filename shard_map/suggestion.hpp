// What somebody may have meant by a word that is not known.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace shardplex {

/// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`, no place changed twice
/// (optimal string alignment). Bytes are compared.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate that `word` most probably means, or nullopt where none is near (edit distance over a third).
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates);

/// The candidate that is most like `word`: the edit distance is the smallest part of the longer of the two.
/// nullopt where it is two thirds or more with all. Lists that lack an item are alike, and not nearest().
std::optional<std::string> most_similar(std::string_view word, std::span<const std::string> candidates);

/// " (did you mean X?)", or "" where no candidate is near.
std::string did_you_mean(std::string_view word, std::span<const std::string> candidates);

}  // namespace shardplex
