// SPDX-License-Identifier: Apache-2.0

#include "service/authz/caller.h"

#include <algorithm>
#include <cstddef>
#include <optional>

#include "service/authz/forwarded_certificate.h"
#include "service/authz/pattern.h"
#include "service/authz/peer_address.h"

namespace evalrun::authz {
namespace {

constexpr std::size_t kMaxClaimedIdentityBytes = 256;

bool IsWellFormedClaim(std::string_view value) {
  return !value.empty() && value.size() <= kMaxClaimedIdentityBytes &&
         std::ranges::all_of(value, [](char c) { return c > 0x20 && c < 0x7F; });
}

// The identity in a claim; nullopt: it has none.
std::optional<std::string> ReadClaim(std::string_view metadata_key, std::string_view value) {
  std::optional<std::string> claim = metadata_key == kForwardedCertificateKey
                                         ? ParseForwardedCertificateUri(value)
                                         : std::string(value);
  if (claim.has_value() && !IsWellFormedClaim(*claim)) claim.reset();
  return claim;
}

// DNS names are case-insensitive.
void AsciiStrToLower(std::string* text) {
  for (char& c : *text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
}

// Appends the peer's address. gRPC escapes the `%` before an IPv6 zone.
void AppendAddress(std::string_view peer, std::string* caller) {
  constexpr std::string_view kEscapedPercent = "%25";
  const std::string_view address = ParsePeerAddress(peer).address;
  const std::size_t zone = address.find(kEscapedPercent);
  caller->append(address.substr(0, zone));
  if (zone == std::string_view::npos) return;
  caller->append("%").append(address.substr(zone + kEscapedPercent.size()));
}

bool IsTrustedAddress(const std::vector<Network>& networks, std::string_view caller) {
  if (networks.empty() || !caller.starts_with("ip:")) return false;
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

bool ResolveCaller(const IdentityPolicy& policy, const PeerCredentials& credentials,
                   std::string* caller) {
  const bool is_named = !credentials.spiffe_id.empty() || !credentials.dns_name.empty();
  if (!credentials.spiffe_id.empty()) {
    caller->assign(credentials.spiffe_id);
  } else if (!credentials.dns_name.empty()) {
    caller->assign("dns:").append(credentials.dns_name);
    AsciiStrToLower(caller);
  } else if (credentials.peer.starts_with("ipv4:") || credentials.peer.starts_with("ipv6:")) {
    caller->assign("ip:");
    AppendAddress(credentials.peer, caller);
  } else {
    caller->assign("unknown");
  }

  // A certificate without a name proves no identity, and is not trusted for its address either.
  const bool is_trusted =
      is_named ? IsTrustedPeer(policy.trusted_peers, *caller)
               : !credentials.has_certificate && IsTrustedAddress(policy.trusted_networks, *caller);
  if (!is_trusted || policy.metadata_key.empty()) return is_trusted;
  const auto claim = ReadClaim(policy.metadata_key, credentials.claimed_identity);
  if (claim.has_value()) caller->assign("metadata:").append(*claim);
  return true;
}

}  // namespace evalrun::authz
