// File: did_you_mean.h
//
// "Did you mean ...?"
#ifndef EVALRUN_SERVICE_CONFIG_DID_YOU_MEAN_H_
#define EVALRUN_SERVICE_CONFIG_DID_YOU_MEAN_H_

#include <string>
#include <string_view>
#include <vector>

namespace evalrun::config {

// A name that people may have meant, and what to tell them then.
struct Candidate {
  std::string name;
  std::string suggestion;
};

// `; did you mean SUGGESTION?` for the candidate whose name is most like `name`; empty when none
// is like it. Case, and which of `.`, `_` and `-` separates words, make no difference.
[[nodiscard]] std::string DidYouMean(std::string_view name,
                                     const std::vector<Candidate>& candidates);

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_DID_YOU_MEAN_H_
