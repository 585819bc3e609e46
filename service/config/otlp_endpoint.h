// SPDX-License-Identifier: Apache-2.0
//
// File: otlp_endpoint.h
//
// Parses the base URL of a collector of OpenTelemetry.
#ifndef EVALRUN_SERVICE_CONFIG_OTLP_ENDPOINT_H_
#define EVALRUN_SERVICE_CONFIG_OTLP_ENDPOINT_H_

#include <string>
#include <string_view>

#include <absl/status/statusor.h>

namespace evalrun::config {

// Parses `http://collector:4318` as strictly as ParseUpstreamUrl(), and returns the URL to which
// traces are posted: `http://collector:4318/v1/traces`. Empty for an empty text. Pure.
[[nodiscard]] absl::StatusOr<std::string> ParseOtlpEndpoint(std::string_view text);

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_OTLP_ENDPOINT_H_
