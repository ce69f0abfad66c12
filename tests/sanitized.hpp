// Whether a sanitizer watches the tests: it makes them several times slower.
#pragma once

namespace shardplex::tests {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif

/// How many generated cases to make where there are `usual` without a sanitizer, which then sees a third of
/// them.
constexpr unsigned long fewer_if_sanitized(unsigned long usual) {
  return sanitized ? usual / 3 : usual;
}

}  // namespace shardplex::tests
