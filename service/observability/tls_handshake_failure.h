// SPDX-License-Identifier: Apache-2.0
//
// File: tls_handshake_failure.h
//
// Why the TLS handshake of a caller failed, from gRPC's log line, which is all that gRPC 1.51 tells
// about it. Pure.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_TLS_HANDSHAKE_FAILURE_H_
#define EVALRUN_SERVICE_OBSERVABILITY_TLS_HANDSHAKE_FAILURE_H_

#include <array>
#include <optional>
#include <string_view>

namespace evalrun::observability {

// Label values of a metric, and the field `cause` of an event.
inline constexpr std::array<std::string_view, 8> kTlsHandshakeFailureCauses = {
    "no_client_certificate",        // the caller presented none, and one is required
    "client_certificate_rejected",  // the caller's certificate could not be verified
    "server_certificate_rejected",  // the caller could not verify the gateway's certificate
    "protocol_version",             // no version of TLS in common
    "no_shared_algorithm",          // no cipher or signature in common
    "not_tls",                      // the caller does not speak TLS
    "disconnected",                 // the caller closed the connection
    "other",
};

struct TlsHandshakeFailure {
  std::string_view cause;    // one of kTlsHandshakeFailureCauses
  std::string_view message;  // OpenSSL's; a view into the line
};

// Nothing when `line` is not about a handshake that failed.
[[nodiscard]] std::optional<TlsHandshakeFailure> ParseTlsHandshakeFailure(std::string_view line);

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_TLS_HANDSHAKE_FAILURE_H_
