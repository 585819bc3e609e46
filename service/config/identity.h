// SPDX-License-Identifier: Apache-2.0
//
// File: identity.h
//
// Parses the section `identity`, and checks identities wherever they are named. Pure. Errors say
// what is allowed, beginning with "must".
#ifndef EVALRUN_SERVICE_CONFIG_IDENTITY_H_
#define EVALRUN_SERVICE_CONFIG_IDENTITY_H_

#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "service/authz/network.h"
#include "service/config/config.pb.h"

namespace evalrun::config {

// Empty, or a metadata key that gRPC transmits as text and that carries no credentials.
[[nodiscard]] absl::StatusOr<std::string> ParseMetadataKey(std::string_view text);

[[nodiscard]] absl::StatusOr<authz::Network> ParseNetwork(std::string_view text);

// A pattern of identities that a certificate can prove: one of them, or the beginning of one
// followed by `*`.
[[nodiscard]] absl::StatusOr<std::string> ParseCertificatePattern(std::string_view text);

// Any identity (authz/caller.h), the beginning of one followed by `*`, or `*`.
[[nodiscard]] absl::Status CheckIdentityPattern(std::string_view text);

// Appends one line when there is a metadata key without a trusted hop, or the other way round:
// neither has an effect alone.
void CheckIdentity(const v1::Identity& identity, std::vector<std::string>* conflicts);

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_IDENTITY_H_
