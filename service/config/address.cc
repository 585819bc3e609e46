// SPDX-License-Identifier: Apache-2.0

#include "service/config/address.h"

#include <algorithm>

#include <absl/status/status.h>
#include <absl/strings/ascii.h>

#include "service/authz/network.h"

namespace evalrun::config {
namespace {

std::optional<text::HostPort> ParseAddress(std::string_view text) {
  std::optional<text::HostPort> address = text::ParseHostPort(text);
  if (address.has_value() && !IsHostName(address->host) && !IsIpv6Address(address->host)) {
    return std::nullopt;
  }
  return address;
}

}  // namespace

absl::StatusOr<text::HostPort> ParseListenAddress(std::string_view text) {
  if (std::optional<text::HostPort> address = ParseAddress(text)) return *std::move(address);
  return absl::InvalidArgumentError(
      "must be HOST:PORT, such as 127.0.0.1:50051, 0.0.0.0:50051 or [::1]:0, with a port from 0 "
      "to 65535");
}

absl::StatusOr<std::optional<text::HostPort>> ParseServerAddress(std::string_view text) {
  if (text.empty()) return std::optional<text::HostPort>();
  std::optional<text::HostPort> address = ParseAddress(text);
  if (address.has_value() && address->port != 0) return address;
  return absl::InvalidArgumentError("must be HOST:PORT, such as redis:6379 or [::1]:6379");
}

bool IsHostName(std::string_view host) {
  if (host.empty() || host.size() > 253) return false;
  if (host.front() == '.' || host.find("..") != std::string_view::npos) return false;
  return std::ranges::all_of(host, [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.';
  });
}

bool IsIpv6Address(std::string_view host) {
  return host.find(':') != std::string_view::npos && authz::ParseIpAddress(host).has_value();
}

}  // namespace evalrun::config
