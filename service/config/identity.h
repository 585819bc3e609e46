// File: identity.h
//
// What the section `identity` allows, and how identities are named elsewhere. Pure; errors say what
// is allowed, beginning with "must".
#ifndef EVALRUN_SERVICE_CONFIG_IDENTITY_H_
#define EVALRUN_SERVICE_CONFIG_IDENTITY_H_

#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>

#include "service/config/config.pb.h"

namespace evalrun::config {

// Empty, or a name that gRPC lets through as text and that carries no credentials.
[[nodiscard]] absl::Status CheckMetadataKey(std::string_view key);

[[nodiscard]] absl::Status CheckNetwork(std::string_view text);

// An identity that a certificate can prove, or the beginning of one followed by `*`.
[[nodiscard]] absl::Status CheckCertificatePattern(std::string_view text);

// Any identity (identity/caller.h), the beginning of one followed by `*`, or `*`.
[[nodiscard]] absl::Status CheckIdentityPattern(std::string_view text);

// A key without a trusted hop, and a trusted hop without a key, mean nothing.
void CheckIdentity(const v1::Identity& identity, std::vector<std::string>* errors);

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_IDENTITY_H_
