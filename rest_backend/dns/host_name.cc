// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/dns/host_name.h"

#include <arpa/inet.h>

#include <absl/strings/match.h>

namespace evalrun::dns {
namespace {

bool IsAddress(const std::string& host) {
  in6_addr address{};
  return inet_pton(AF_INET, host.c_str(), &address) == 1 ||
         inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

}  // namespace

bool NeedsNameServer(const std::string& host) {
  if (IsAddress(host)) return false;
  return !absl::EqualsIgnoreCase(host, "localhost") &&
         !absl::EndsWithIgnoreCase(host, ".localhost");
}

}  // namespace evalrun::dns
