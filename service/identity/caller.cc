#include "service/identity/caller.h"

#include <algorithm>
#include <cstddef>
#include <optional>

#include "service/identity/pattern.h"

namespace evalrun::service {
namespace {

constexpr std::size_t kLongestAsserted = 256;

bool IsWellFormedAssertion(std::string_view value) {
  return !value.empty() && value.size() <= kLongestAsserted &&
         std::ranges::all_of(value, [](char c) { return c > 0x20 && c < 0x7F; });
}

// Appends the address in gRPC's `ipv4:10.0.0.7:40000` or `ipv6:%5Bfe80::1%25eth0%5D:40000`.
void AppendAddress(std::string_view peer, std::string* caller) {
  const std::string_view host_port = peer.substr(peer.find(':') + 1);
  const std::string_view host = host_port.substr(0, host_port.rfind(':'));
  for (std::size_t i = 0; i < host.size(); ++i) {
    const std::string_view escape = host.substr(i, 3);
    if (escape == "%5B" || escape == "%5D") {
      i += 2;
    } else if (escape == "%25") {
      *caller += '%';
      i += 2;
    } else if (host[i] != '[' && host[i] != ']') {
      *caller += host[i];
    }
  }
}

bool IsTrustedAddress(const std::vector<Network>& networks, std::string_view caller) {
  if (!caller.starts_with("ip:")) return false;
  const std::string_view text = caller.substr(3);
  const std::optional<IpAddress> address = ParseIpAddress(text.substr(0, text.find('%')));
  return address.has_value() && std::ranges::any_of(networks, [&](const Network& network) {
           return network.Contains(*address);
         });
}

bool IsTrustedPeer(const std::vector<std::string>& patterns, std::string_view caller) {
  return std::ranges::any_of(
      patterns, [caller](std::string_view pattern) { return MatchesPattern(pattern, caller); });
}

}  // namespace

void ResolveCaller(const IdentityPolicy& policy, const CallerEvidence& evidence,
                   std::string* caller) {
  const bool has_certificate = !evidence.spiffe_id.empty() || !evidence.dns_name.empty();
  if (!evidence.spiffe_id.empty()) {
    caller->assign(evidence.spiffe_id);
  } else if (!evidence.dns_name.empty()) {
    caller->assign("dns:").append(evidence.dns_name);
  } else if (evidence.peer.starts_with("ipv4:") || evidence.peer.starts_with("ipv6:")) {
    caller->assign("ip:");
    AppendAddress(evidence.peer, caller);
  } else {
    caller->assign(evidence.peer.starts_with("unix") ? "unix" : "unknown");
  }

  if (policy.metadata_key.empty() || !IsWellFormedAssertion(evidence.asserted)) return;
  const bool is_trusted = has_certificate ? IsTrustedPeer(policy.trusted_peers, *caller)
                                          : IsTrustedAddress(policy.trusted_networks, *caller);
  if (is_trusted) caller->assign("metadata:").append(evidence.asserted);
}

}  // namespace evalrun::service
