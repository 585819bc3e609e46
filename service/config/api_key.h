// SPDX-License-Identifier: Apache-2.0
//
// File: api_key.h
//
// Finds the API key, and checks its form. No error shows any of its bytes, also when it was given
// in place of the name of its file.
#ifndef EVALRUN_SERVICE_CONFIG_API_KEY_H_
#define EVALRUN_SERVICE_CONFIG_API_KEY_H_

#include <cstddef>
#include <string>
#include <string_view>

#include <absl/status/statusor.h>

#include "service/config/environment.h"
#include "service/config/read_file.h"
#include "service/config/secret.h"

namespace evalrun::config {

inline constexpr std::string_view kApiKeyVariable = "AYMARA_AI_API_KEY";
inline constexpr std::size_t kMaxApiKeyBytes = 4096;

struct ApiKey {
  Secret key;          // never empty
  std::string source;  // kApiKeyVariable, or the file's name: safe to show
};

// Whether the name of a file could be an API key: it has no slash. It is not shown when there is no
// such file.
[[nodiscard]] bool MayBeApiKey(std::string_view file);

// The key from `file`, or, when that is empty, from kApiKeyVariable. A file that is named wins over
// the variable, and without a usable key in it there is no fallback: a service that silently ran
// with another tenant's key would delete that tenant's runs. One LF or CRLF at the end is dropped.
// Errors, each naming the source: no key at all (NOT_FOUND), and with other codes a file that
// cannot be read, an empty key, more than kMaxApiKeyBytes, and a blank or another byte that is not
// visible ASCII, with which the key could end the header that it is sent in.
[[nodiscard]] absl::StatusOr<ApiKey> FindApiKey(const std::string& file,
                                                const Environment& environment,
                                                const FileReader& read_file);

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_API_KEY_H_
