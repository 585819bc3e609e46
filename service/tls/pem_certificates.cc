// SPDX-License-Identifier: Apache-2.0

#include "service/tls/pem_certificates.h"

#include <ctime>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

namespace evalrun::tls {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;

// For an encrypted text there is no password, and without this OpenSSL would ask on the terminal.
int NoPassword(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*context*/) { return -1; }

Bio MakeMemoryBio(std::string_view pem) {
  return {BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free};
}

// Whether OpenSSL stopped because nothing was left, and not because of something damaged.
bool ReachedEnd() { return ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE; }

}  // namespace

std::optional<std::vector<Certificate>> ReadPemCertificates(std::string_view pem) {
  const ScopedErrorQueue clear;
  const Bio bio = MakeMemoryBio(pem);
  std::vector<Certificate> certificates;
  for (;;) {
    Certificate next(PEM_read_bio_X509(bio.get(), nullptr, &NoPassword, nullptr), &X509_free);
    if (next == nullptr) break;
    certificates.push_back(std::move(next));
  }
  if (certificates.empty() || !ReachedEnd()) return std::nullopt;
  return certificates;
}

PrivateKey ReadPrivateKey(std::string_view pem) {
  const Bio bio = MakeMemoryBio(pem);
  return {PEM_read_bio_PrivateKey(bio.get(), nullptr, &NoPassword, nullptr), &EVP_PKEY_free};
}

std::optional<std::chrono::system_clock::time_point> ToTimePoint(const ASN1_TIME* time) {
  std::tm parsed{};
  if (ASN1_TIME_to_tm(time, &parsed) != 1) return std::nullopt;
  return std::chrono::system_clock::from_time_t(timegm(&parsed));
}

ScopedErrorQueue::ScopedErrorQueue() { ERR_clear_error(); }
ScopedErrorQueue::~ScopedErrorQueue() { ERR_clear_error(); }

}  // namespace evalrun::tls
