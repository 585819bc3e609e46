// SPDX-License-Identifier: Apache-2.0
//
// File: pattern.h
//
// Patterns for identities in the configuration: a whole identity, or a prefix followed by `*`.
// `spiffe://prod/batch/*` matches everything below that path; `spiffe://prod/batch*` would also
// match `spiffe://prod/batch-of-another-team`. Pure functions.
#ifndef EVALRUN_SERVICE_AUTHZ_PATTERN_H_
#define EVALRUN_SERVICE_AUTHZ_PATTERN_H_

#include <string_view>

namespace evalrun::authz {

[[nodiscard]] constexpr bool IsPrefixPattern(std::string_view pattern) {
  return !pattern.empty() && pattern.back() == '*';
}

[[nodiscard]] constexpr bool MatchesPattern(std::string_view pattern, std::string_view identity) {
  return IsPrefixPattern(pattern) ? identity.starts_with(pattern.substr(0, pattern.size() - 1))
                                  : identity == pattern;
}

// 1 to 512 visible ASCII characters, of which only the last may be `*`.
[[nodiscard]] constexpr bool IsWellFormedPattern(std::string_view pattern) {
  if (pattern.empty() || pattern.size() > 512) return false;
  for (const char c : pattern) {
    if (c <= 0x20 || c >= 0x7F) return false;
  }
  return pattern.find('*') >= pattern.size() - 1;
}

}  // namespace evalrun::authz

#endif  // EVALRUN_SERVICE_AUTHZ_PATTERN_H_
