// SPDX-License-Identifier: Apache-2.0
//
// File: pem.h
//
// Certificates and private keys in PEM. Pure.
#ifndef EVALRUN_SERVICE_TLS_PEM_H_
#define EVALRUN_SERVICE_TLS_PEM_H_

#include <chrono>
#include <optional>
#include <string_view>

namespace evalrun::tls {

// When the certificates in a PEM text expire.
struct Expiry {
  std::chrono::system_clock::time_point first;  // of the one that expires first
  std::chrono::system_clock::time_point last;
};

// Reads every certificate in `pem`, ignoring other text between them. Nothing when there is none,
// or when one of them is damaged.
[[nodiscard]] std::optional<Expiry> ParseExpiry(std::string_view pem);

// Whether `pem` begins with a private key that needs no password.
[[nodiscard]] bool IsPrivateKey(std::string_view pem);

// Whether `key` is the private key of the first certificate in `certificates`. False when either
// cannot be parsed.
[[nodiscard]] bool PrivateKeyMatches(std::string_view key, std::string_view certificates);

}  // namespace evalrun::tls

#endif  // EVALRUN_SERVICE_TLS_PEM_H_
