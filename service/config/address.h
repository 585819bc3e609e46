// SPDX-License-Identifier: Apache-2.0
//
// File: address.h
//
// The addresses of the configuration: to listen on, and to connect to. Pure. Errors say what is
// allowed, beginning with "must", and do not repeat the text.
#ifndef EVALRUN_SERVICE_CONFIG_ADDRESS_H_
#define EVALRUN_SERVICE_CONFIG_ADDRESS_H_

#include <optional>
#include <string_view>

#include <absl/status/statusor.h>

#include "service/text/host_port.h"

namespace evalrun::config {

// `127.0.0.1:50051`, `localhost:0` or `[::1]:50051`. Port 0: any free one.
[[nodiscard]] absl::StatusOr<text::HostPort> ParseListenAddress(std::string_view text);

// `redis:6379` or `[::1]:6379`, with a port above 0. Empty text: no address.
[[nodiscard]] absl::StatusOr<std::optional<text::HostPort>> ParseServerAddress(
    std::string_view text);

// Whether `host` is an IPv4 address or a name of letters, digits, `-`, `_` and dots (no empty
// label, at most 253 characters).
[[nodiscard]] bool IsHostName(std::string_view host);

// Whether `host` is an IPv6 address without brackets and without a zone.
[[nodiscard]] bool IsIpv6Address(std::string_view host);

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_ADDRESS_H_
