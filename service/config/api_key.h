// File: api_key.h
//
// Where the API key comes from, and what a key may look like. No message shows any of its bytes.
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

// The key from `file`, or, when that is empty, from kApiKeyVariable. A file that is named wins even
// when the variable is set, and is never fallen back from: a service that quietly ran with another
// tenant's key would delete another tenant's runs. One LF or CRLF at the end is dropped. Refused,
// naming the source: no key at all (NOT_FOUND), and with other codes a file that cannot be read, an
// empty key, one of more than kMaxApiKeyBytes, and one with a blank or anything else that is not
// visible ASCII, which could break out of the header it is sent in.
[[nodiscard]] absl::StatusOr<ApiKey> FindApiKey(const std::string& file,
                                                const Environment& environment,
                                                const FileReader& read_file);

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_API_KEY_H_
