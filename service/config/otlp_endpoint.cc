// SPDX-License-Identifier: Apache-2.0

#include "service/config/otlp_endpoint.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include "service/config/upstream_url.h"

namespace evalrun::config {

absl::StatusOr<std::string> ParseOtlpEndpoint(std::string_view text) {
  if (text.empty()) return std::string();
  const absl::StatusOr<UpstreamUrl> url = ParseUpstreamUrl(text);
  if (!url.ok()) {
    return absl::InvalidArgumentError(
        "must be the base URL of a collector, such as http://localhost:4318 or "
        "https://collector:4318, without /v1/traces, user, query or fragment");
  }
  if (url->base_path.ends_with("/v1/traces")) {
    return absl::InvalidArgumentError("must not end with /v1/traces, which is added");
  }
  return absl::StrCat(url->Origin(), url->base_path, "/v1/traces");
}

}  // namespace evalrun::config
