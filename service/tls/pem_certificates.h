// SPDX-License-Identifier: Apache-2.0
//
// File: pem_certificates.h
//
// Certificates and private keys in PEM as OpenSSL's values, for the other files of this folder.
#ifndef EVALRUN_SERVICE_TLS_PEM_CERTIFICATES_H_
#define EVALRUN_SERVICE_TLS_PEM_CERTIFICATES_H_

#include <chrono>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include <openssl/evp.h>
#include <openssl/x509.h>

namespace evalrun::tls {

using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using PrivateKey = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

// Reads every certificate in `pem`, ignoring other text between them. Nothing when there is none,
// or when one of them is damaged.
[[nodiscard]] std::optional<std::vector<Certificate>> ReadPemCertificates(std::string_view pem);

// Reads the first private key in `pem`. nullptr when there is none without a password.
[[nodiscard]] PrivateKey ReadPrivateKey(std::string_view pem);

// A time of a certificate: X509_get0_notBefore(), X509_get0_notAfter().
[[nodiscard]] std::optional<std::chrono::system_clock::time_point> ToTimePoint(
    const ASN1_TIME* time);

// OpenSSL's queue of errors is the thread's, and others read it to learn how their own calls went.
struct ScopedErrorQueue {
  ScopedErrorQueue();
  ~ScopedErrorQueue();
  ScopedErrorQueue(const ScopedErrorQueue&) = delete;
  ScopedErrorQueue& operator=(const ScopedErrorQueue&) = delete;
};

}  // namespace evalrun::tls

#endif  // EVALRUN_SERVICE_TLS_PEM_CERTIFICATES_H_
