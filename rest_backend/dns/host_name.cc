// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/dns/host_name.h"

#include <arpa/inet.h>

#include <algorithm>
#include <string_view>

namespace evalrun::dns {
namespace {

bool IsAddress(const std::string& host) {
  in6_addr address{};
  return inet_pton(AF_INET, host.c_str(), &address) == 1 ||
         inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

bool EndsWithIgnoringCase(std::string_view text, std::string_view end) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return text.size() >= end.size() &&
         std::equal(end.begin(), end.end(), text.end() - static_cast<std::ptrdiff_t>(end.size()),
                    [&](char a, char b) { return lower(a) == lower(b); });
}

}  // namespace

bool NeedsNameServer(const std::string& host) {
  if (IsAddress(host)) return false;
  const bool is_local = EndsWithIgnoringCase(host, ".localhost") ||
                        (host.size() == 9 && EndsWithIgnoringCase(host, "localhost"));
  return !is_local;
}

}  // namespace evalrun::dns
