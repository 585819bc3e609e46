// SPDX-License-Identifier: Apache-2.0
//
// File: limit_rules.h
//
// Parses the section `limits`. Pure except for ReadPassword(). Errors about one text say what is
// allowed, beginning with "must".
#ifndef EVALRUN_SERVICE_CONFIG_LIMIT_RULES_H_
#define EVALRUN_SERVICE_CONFIG_LIMIT_RULES_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

#include "service/config/config.pb.h"
#include "service/config/field_parsers.h"
#include "service/config/read_file.h"
#include "service/ratelimit/rule_set.h"

namespace evalrun::config {

// So many calls in each period.
struct Rate {
  std::int64_t calls = 0;  // 1 to 1,000,000
  std::chrono::seconds period{1};

  bool operator==(const Rate&) const = default;
};

// `100/s`, `600/m` or `1000/h`.
[[nodiscard]] absl::StatusOr<Rate> ParseRate(std::string_view text);
// The rate of an override; empty for `unlimited`.
[[nodiscard]] absl::StatusOr<std::optional<Rate>> ParseOverrideRate(std::string_view text);

// Parses an element of `limits.rules`, whose name is `name`. Fields that do not fit together add a
// line to `conflicts`. With an error of either kind the result is not to be used. `rule_names` are
// those of the rules before; the rule's own is added.
[[nodiscard]] ratelimit::LimitRule ParseLimitRule(const std::string& name,
                                                  const v1::LimitRule& rule,
                                                  std::set<std::string>* rule_names,
                                                  FieldErrors* errors,
                                                  std::vector<std::string>* conflicts);

// Appends one line for each conflict between settings of the section.
void CheckLimits(const v1::Limits& limits, std::vector<std::string>* conflicts);

// Reads the password in the file: one line of at most 4096 bytes, not empty. No error shows any of
// it.
[[nodiscard]] absl::StatusOr<std::string> ReadPassword(const std::string& file,
                                                       const FileReader& read_file = ReadFile);

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_LIMIT_RULES_H_
