// SPDX-License-Identifier: Apache-2.0
//
// File: did_you_mean.h
//
// Suggests the nearest existing name.
#ifndef EVALRUN_SERVICE_TEXT_DID_YOU_MEAN_H_
#define EVALRUN_SERVICE_TEXT_DID_YOU_MEAN_H_

#include <string>
#include <string_view>
#include <vector>

namespace evalrun::text {

// An existing name, and the suggestion to print for it.
struct Candidate {
  std::string name;
  std::string suggestion;
};

// `; did you mean SUGGESTION?` for the candidate whose name is nearest to `name`; empty when none
// is near. Case, and which of `.`, `_` and `-` separates words, make no difference.
[[nodiscard]] std::string DidYouMean(std::string_view name,
                                     const std::vector<Candidate>& candidates);

}  // namespace evalrun::text

#endif  // EVALRUN_SERVICE_TEXT_DID_YOU_MEAN_H_
