// SPDX-License-Identifier: Apache-2.0

#include "service/config/identity.h"

#include <algorithm>
#include <array>
#include <optional>

#include "service/authz/pattern.h"
#include "service/config/text.h"

namespace evalrun::config {
namespace {

bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }

}  // namespace

absl::StatusOr<std::string> ParseMetadataKey(std::string_view text) {
  if (text.empty()) return std::string();
  if (!IsName(text, kDottedNameCharacters) || text.ends_with("-bin") || text.starts_with("grpc-")) {
    return absl::InvalidArgumentError(
        "must be at most 64 of a-z 0-9 - _ . and neither begin with grpc- nor end with -bin");
  }
  // Its value goes into every log line.
  constexpr std::array kCredentials = {
      "authorization", "proxy-authorization", "cookie",       "set-cookie",    "api-key",
      "apikey",        "x-api-key",           "x-auth-token", "x-access-token"};
  if (std::ranges::find(kCredentials, text) != kCredentials.end()) {
    return absl::InvalidArgumentError("must be a key that carries no credentials");
  }
  return std::string(text);
}

absl::StatusOr<authz::Network> ParseNetwork(std::string_view text) {
  if (const std::optional<authz::Network> network = authz::Network::Parse(text)) return *network;
  return absl::InvalidArgumentError(
      "must be a network, such as 10.1.0.0/16, fd00::/8 or 10.1.2.3, with no bit set beyond its "
      "length");
}

absl::StatusOr<std::string> ParseCertificatePattern(std::string_view text) {
  if (!text.starts_with("spiffe://") && !text.starts_with("dns:")) {
    return absl::InvalidArgumentError("must begin with spiffe:// or dns:");
  }
  if (absl::Status status = CheckIdentityPattern(text); !status.ok()) return status;
  return std::string(text);
}

absl::Status CheckIdentityPattern(std::string_view text) {
  constexpr std::string_view kSpiffe = "spiffe://";
  constexpr std::string_view kMetadata = "metadata:";
  if (text == "*") return absl::OkStatus();
  const bool is_known = text.starts_with(kSpiffe) || text.starts_with("dns:") ||
                        text.starts_with(kMetadata) || text.starts_with("ip:");
  if (!is_known || !authz::IsWellFormedPattern(text)) {
    return absl::InvalidArgumentError(
        "must be * or begin with spiffe://, dns:, metadata: or ip:; without spaces, and "
        "with a * at most at its end");
  }
  if (text.starts_with("dns:") && std::ranges::any_of(text, IsUpper)) {
    return absl::InvalidArgumentError("must be in lower case");
  }
  // `spiffe://prod*` would match every trust domain that begins with `prod`, too.
  const std::string_view name = text.starts_with(kMetadata) ? text.substr(kMetadata.size()) : text;
  if (name.starts_with(kSpiffe) && authz::IsPrefixPattern(name) &&
      name.substr(kSpiffe.size()).find('/') == std::string_view::npos) {
    return absl::InvalidArgumentError("must have its * after the whole trust domain and a slash");
  }
  return absl::OkStatus();
}

void CheckIdentity(const v1::Identity& identity, std::vector<std::string>* conflicts) {
  const bool has_hops = identity.trusted_networks_size() + identity.trusted_peers_size() > 0;
  if (!identity.metadata_key().empty() && !has_hops) {
    conflicts->emplace_back(
        "identity.metadata_key: must come with identity.trusted_networks or "
        "identity.trusted_peers: it is read only from trusted proxies");
  }
  if (identity.metadata_key().empty() && has_hops) {
    conflicts->emplace_back(
        "identity.trusted_networks, identity.trusted_peers: must come with identity.metadata_key");
  }
}

}  // namespace evalrun::config
