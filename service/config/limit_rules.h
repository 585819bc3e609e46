// File: limit_rules.h
//
// What the section `limits` allows. Pure; errors say what is allowed, beginning with "must".
#ifndef EVALRUN_SERVICE_CONFIG_LIMIT_RULES_H_
#define EVALRUN_SERVICE_CONFIG_LIMIT_RULES_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "service/config/config.pb.h"
#include "service/config/read_file.h"

namespace evalrun::config {

// The rate of an override without a limit.
inline constexpr std::string_view kUnlimited = "unlimited";

// So many calls in each period.
struct Rate {
  std::int64_t calls = 0;  // 1 to 1,000,000
  std::chrono::seconds period{1};

  bool operator==(const Rate&) const = default;
};

// `100/s`, `600/m` or `1000/h`; nothing for any other text.
[[nodiscard]] std::optional<Rate> ParseRate(std::string_view text);

[[nodiscard]] absl::Status CheckRate(std::string_view text);
// An override's: it may be `unlimited`.
[[nodiscard]] absl::Status CheckOverrideRate(std::string_view text);

// What a rule is called in metrics, logs and answers.
[[nodiscard]] absl::Status CheckRuleName(std::string_view text);

// A whole identity, or the beginning of one followed by `*`.
[[nodiscard]] absl::Status CheckPattern(std::string_view text);

// Empty, or where a server is to be found.
[[nodiscard]] absl::Status CheckServerAddress(std::string_view text);

// The password in the file: one line of at most 4096 bytes, not empty. No error shows any of it.
[[nodiscard]] absl::StatusOr<std::string> ReadPassword(const std::string& file,
                                                       const FileReader& read_file = ReadFile);

// What the fields mean only together.
void CheckLimits(const v1::Limits& limits, std::vector<std::string>* errors);

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_LIMIT_RULES_H_
