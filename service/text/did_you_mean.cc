// SPDX-License-Identifier: Apache-2.0

#include "service/text/did_you_mean.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>

namespace evalrun::text {
namespace {

constexpr std::size_t kMaxNameLength = 100;

std::string NormalizeName(std::string_view name) {
  std::string result = absl::AsciiStrToLower(std::string(name));
  std::replace_if(
      result.begin(), result.end(), [](char c) { return c == '.' || c == '_'; }, '-');
  return result;
}

// The number of characters to insert, remove, replace or swap with their neighbour.
std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);  // the row before `last`
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    before.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

}  // namespace

std::string DidYouMean(std::string_view name, const std::vector<Candidate>& candidates) {
  if (name.size() > kMaxNameLength) return "";
  const std::string wanted = NormalizeName(name);
  const Candidate* best = nullptr;
  // At most two errors in a short name, one in three characters of a long one, and not all of it.
  std::size_t best_distance =
      std::min(std::max<std::size_t>(2, wanted.size() / 3) + 1, wanted.size());
  for (const Candidate& candidate : candidates) {
    const std::string candidate_name = NormalizeName(candidate.name);
    // Missing words at the end are one error: `api-key` for `api-key-file`.
    const bool is_prefix = !wanted.empty() && candidate_name.starts_with(wanted + "-");
    const std::size_t distance = is_prefix ? 1 : EditDistance(wanted, candidate_name);
    if (distance < best_distance) {
      best = &candidate;
      best_distance = distance;
    }
  }
  return best == nullptr ? "" : absl::StrCat("; did you mean ", best->suggestion, "?");
}

}  // namespace evalrun::text
