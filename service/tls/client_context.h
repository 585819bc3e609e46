// SPDX-License-Identifier: Apache-2.0
//
// File: client_context.h
//
// What the client's side of TLS connections shares: whom it trusts, and its own certificate.
#ifndef EVALRUN_SERVICE_TLS_CLIENT_CONTEXT_H_
#define EVALRUN_SERVICE_TLS_CLIENT_CONTEXT_H_

#include <memory>
#include <string_view>

#include <absl/status/statusor.h>
#include <openssl/ssl.h>

namespace evalrun::tls {

// Texts in PEM. Without `authorities` those of the system are trusted, as they are now; without
// `chain` no certificate is presented. `chain` begins with our own certificate, whose key is
// `private_key`. TLS 1.2 and 1.3; a server without a trusted certificate is rejected.
[[nodiscard]] absl::StatusOr<std::shared_ptr<SSL_CTX>> MakeClientContext(
    std::string_view authorities, std::string_view chain, std::string_view private_key);

// A connection on `socket`, which is not closed with it. `server_name` is the DNS name or the IP
// address that the server's certificate must be for. nullptr: out of memory.
[[nodiscard]] std::shared_ptr<SSL> MakeClientConnection(SSL_CTX* context, int socket,
                                                        const char* server_name);

}  // namespace evalrun::tls

#endif  // EVALRUN_SERVICE_TLS_CLIENT_CONTEXT_H_
