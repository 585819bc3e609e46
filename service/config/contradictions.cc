// SPDX-License-Identifier: Apache-2.0

#include "service/config/contradictions.h"

#include <string_view>
#include <utility>

#include "service/config/text.h"

namespace evalrun::config {
namespace {

// A pattern for the identity of callers, and the setting that it stands in.
using Identity = std::pair<std::string, std::string_view>;

std::vector<Identity> CollectIdentities(const v1::GatewayConfig& config) {
  std::vector<Identity> identities;
  for (int i = 0; i < config.authorization().rules_size(); ++i) {
    for (const std::string& identity : config.authorization().rules(i).identities()) {
      identities.emplace_back(Concat("authorization.rules[", i, "].identities"), identity);
    }
  }
  for (int i = 0; i < config.upstream().keys_size(); ++i) {
    for (const std::string& identity : config.upstream().keys(i).identities()) {
      identities.emplace_back(Concat("upstream.keys[", i, "].identities"), identity);
    }
  }
  for (int i = 0; i < config.limits().rules_size(); ++i) {
    const v1::LimitRule& rule = config.limits().rules(i);
    if (rule.by() != v1::LimitRule::BY_CALLER) continue;
    for (const v1::LimitOverride& override : rule.overrides()) {
      identities.emplace_back(Concat("limits.rules[", i, "].overrides"), override.pattern());
    }
  }
  for (const std::string& peer : config.identity().trusted_peers()) {
    identities.emplace_back("identity.trusted_peers", peer);
  }
  return identities;
}

// Why no caller can have this identity; empty: some can.
std::string_view UnreachableReason(std::string_view identity, const v1::GatewayConfig& config) {
  const v1::Tls::ClientCertificates certificates = config.tls().client_certificates();
  if ((identity.starts_with("spiffe://") || identity.starts_with("dns:")) &&
      certificates == v1::Tls::CLIENT_CERTIFICATES_OFF) {
    return "tls.client_certificates is off, so that no caller shows a certificate";
  }
  if (identity.starts_with("metadata:") && config.identity().metadata_key().empty()) {
    return "identity.metadata_key is empty, so that no caller is named by metadata";
  }
  if (identity.starts_with("ip:") && certificates == v1::Tls::CLIENT_CERTIFICATES_REQUIRED) {
    return "tls.client_certificates is required, so that callers are named by their certificates";
  }
  return {};
}

}  // namespace

std::vector<std::string> FindContradictions(const v1::GatewayConfig& config) {
  std::vector<std::string> found;
  for (const auto& [setting, identity] : CollectIdentities(config)) {
    const std::string_view reason = UnreachableReason(identity, config);
    if (!reason.empty()) {
      found.push_back(Concat(setting, ": ", Quote(identity), " matches no caller: ", reason));
    }
  }
  if (config.identity().trusted_networks_size() > 0 &&
      config.tls().client_certificates() == v1::Tls::CLIENT_CERTIFICATES_REQUIRED) {
    found.emplace_back(
        "identity.trusted_networks: no peer is trusted by its address, because "
        "tls.client_certificates is required; name peers in identity.trusted_peers");
  }
  if (config.authorization().dry_run() && config.authorization().rules_size() == 0) {
    found.emplace_back("authorization.dry_run: there are no authorization.rules to try");
  }
  const v1::LimitsRedis& redis = config.limits().redis();
  if (!redis.address().empty() && config.limits().rules_size() == 0) {
    found.emplace_back("limits.redis.address: there are no limits.rules to share");
  }
  if (redis.address().empty() && !(redis.username().empty() && redis.password_file().empty())) {
    found.emplace_back(
        "limits.redis.username, limits.redis.password_file: are not used without "
        "limits.redis.address");
  }
  if (config.tracing().otlp_endpoint().empty() && config.tracing().root_samples_per_million() > 0) {
    found.emplace_back(
        "tracing.root_samples_per_million: nothing is traced without tracing.otlp_endpoint");
  }
  return found;
}

}  // namespace evalrun::config
