// SPDX-License-Identifier: Apache-2.0

#include "service/tls/pem.h"

#include <algorithm>
#include <memory>

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "service/tls/pem_certificates.h"

namespace evalrun::tls {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

Bio MakeMemoryBio(std::string_view pem) {
  return {BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free};
}

// For an encrypted key there is no password; without this OpenSSL would ask on the terminal.
int NoPassword(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*context*/) { return -1; }

Certificate FirstCertificate(std::string_view pem) {
  const Bio bio = MakeMemoryBio(pem);
  return {PEM_read_bio_X509(bio.get(), nullptr, &NoPassword, nullptr), &X509_free};
}

Key ReadKey(std::string_view pem) {
  const Bio bio = MakeMemoryBio(pem);
  return {PEM_read_bio_PrivateKey(bio.get(), nullptr, &NoPassword, nullptr), &EVP_PKEY_free};
}

}  // namespace

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
  return ReadKey(pem) != nullptr;
}

bool PrivateKeyMatches(std::string_view key, std::string_view certificates) {
  const ScopedErrorQueue clear;
  const Key parsed = ReadKey(key);
  const Certificate first = FirstCertificate(certificates);
  return parsed != nullptr && first != nullptr &&
         X509_check_private_key(first.get(), parsed.get()) == 1;
}

}  // namespace evalrun::tls
