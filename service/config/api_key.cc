// SPDX-License-Identifier: Apache-2.0

#include "service/config/api_key.h"

#include <algorithm>
#include <string>

#include <absl/status/status.h>
#include <absl/strings/ascii.h>

#include "service/config/text.h"

namespace evalrun::config {
namespace {

constexpr std::string_view kHiddenName =
    "the file (its name is not shown: without a slash it may be the key itself)";

absl::StatusOr<ApiKey> MakeApiKey(std::string_view bytes, const std::string& source) {
  const auto refused = [&source](std::string_view why) {
    return absl::InvalidArgumentError(Concat("API key from ", Escape(source), ": ", why));
  };
  // CR alone ends no line.
  if (bytes.ends_with("\r\n")) {
    bytes.remove_suffix(2);
  } else if (bytes.ends_with('\n')) {
    bytes.remove_suffix(1);
  }
  if (bytes.empty()) return refused("it is empty");
  if (bytes.size() > kMaxApiKeyBytes) {
    return refused(Concat("it is longer than ", kMaxApiKeyBytes, " bytes"));
  }
  if (const std::size_t quote = bytes.find_first_of("\"'`"); quote != std::string_view::npos) {
    return refused(Concat("byte ", quote + 1,
                          " is a quotation mark; write the key without quotes, which an env file, "
                          "for example, may pass on"));
  }
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (!absl::ascii_isgraph(static_cast<unsigned char>(bytes[i]))) {
      return refused(Concat("byte ", i + 1,
                            " is a blank, a control character or not ASCII; a key is one "
                            "line of visible ASCII"));
    }
  }
  return ApiKey{Secret(bytes), source};
}

}  // namespace

bool MayBeApiKey(std::string_view file) {
  return !file.empty() && file.find('/') == std::string_view::npos;
}

absl::StatusOr<ApiKey> FindApiKey(const std::string& file, const Environment& environment,
                                  const FileReader& read_file) {
  if (file.empty()) {
    const std::string_view bytes = Lookup(environment, kApiKeyVariable);
    if (bytes.empty()) {
      return absl::NotFoundError(Concat("no API key: set ", kApiKeyVariable,
                                        ", or name a file that holds it with --api-key-file"));
    }
    return MakeApiKey(bytes, std::string(kApiKeyVariable));
  }
  // Two more than a key, for the end of its line.
  absl::StatusOr<std::string> content = read_file(file, kMaxApiKeyBytes + 2);
  if (!content.ok()) {
    const std::string why(content.status().message());
    if (!MayBeApiKey(file)) return absl::InvalidArgumentError(Concat("API key: ", why));
    const std::size_t colon = std::min(why.rfind(": "), why.size());
    return absl::InvalidArgumentError(
        Concat("API key: cannot read ", kHiddenName, why.substr(colon)));
  }
  absl::StatusOr<ApiKey> key = MakeApiKey(*content, file);
  WipeString(&*content);
  return key;
}

}  // namespace evalrun::config
