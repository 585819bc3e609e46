// SPDX-License-Identifier: Apache-2.0

#include "service/tls/pem.h"

#include <algorithm>

#include <openssl/x509.h>

#include "service/tls/pem_certificates.h"

namespace evalrun::tls {

std::optional<Expiry> ParseExpiry(std::string_view pem) {
  const auto certificates = ReadPemCertificates(pem);
  if (!certificates.has_value()) return std::nullopt;
  std::optional<Expiry> expiry;
  for (const Certificate& certificate : *certificates) {
    const auto end = ToTimePoint(X509_get0_notAfter(certificate.get()));
    if (!end.has_value()) return std::nullopt;
    if (!expiry.has_value()) expiry = {.first = *end, .last = *end};
    expiry = {.first = std::min(expiry->first, *end), .last = std::max(expiry->last, *end)};
  }
  return expiry;
}

bool IsPrivateKey(std::string_view pem) {
  const ScopedErrorQueue clear;
  return ReadPrivateKey(pem) != nullptr;
}

bool PrivateKeyMatches(std::string_view key, std::string_view certificates) {
  const ScopedErrorQueue clear;
  const PrivateKey parsed = ReadPrivateKey(key);
  const auto chain = ReadPemCertificates(certificates);
  return parsed != nullptr && chain.has_value() &&
         X509_check_private_key(chain->front().get(), parsed.get()) == 1;
}

}  // namespace evalrun::tls
