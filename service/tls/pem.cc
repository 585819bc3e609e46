// SPDX-License-Identifier: Apache-2.0

#include "service/tls/pem.h"

#include <algorithm>
#include <ctime>
#include <memory>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace evalrun::tls {
namespace {

using std::chrono::system_clock;

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

Bio MakeMemoryBio(std::string_view pem) {
  return {BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free};
}

// For an encrypted key there is no password; without this OpenSSL would ask on the terminal.
int NoPassword(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*context*/) { return -1; }

Certificate NextCertificate(BIO* bio) {
  return {PEM_read_bio_X509(bio, nullptr, &NoPassword, nullptr), &X509_free};
}

Key ReadKey(std::string_view pem) {
  const Bio bio = MakeMemoryBio(pem);
  return {PEM_read_bio_PrivateKey(bio.get(), nullptr, &NoPassword, nullptr), &EVP_PKEY_free};
}

// Whether OpenSSL stopped because nothing was left, and not because of something damaged.
bool ReachedEnd() { return ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE; }

std::optional<system_clock::time_point> ParseNotAfter(const X509& certificate) {
  std::tm time{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(&certificate), &time) != 1) return std::nullopt;
  return system_clock::from_time_t(timegm(&time));
}

// OpenSSL's queue of errors is the thread's, and others read it to learn how their own calls went.
struct ScopedErrorQueue {
  ScopedErrorQueue() { ERR_clear_error(); }
  ~ScopedErrorQueue() { ERR_clear_error(); }
  ScopedErrorQueue(const ScopedErrorQueue&) = delete;
  ScopedErrorQueue& operator=(const ScopedErrorQueue&) = delete;
};

}  // namespace

std::optional<Expiry> ParseExpiry(std::string_view pem) {
  const ScopedErrorQueue clear;
  const Bio bio = MakeMemoryBio(pem);
  std::optional<Expiry> expiry;
  while (const Certificate certificate = NextCertificate(bio.get())) {
    const auto end = ParseNotAfter(*certificate);
    if (!end.has_value()) return std::nullopt;
    if (!expiry.has_value()) expiry = {.first = *end, .last = *end};
    expiry = {.first = std::min(expiry->first, *end), .last = std::max(expiry->last, *end)};
  }
  return ReachedEnd() ? expiry : std::nullopt;
}

bool IsPrivateKey(std::string_view pem) {
  const ScopedErrorQueue clear;
  return ReadKey(pem) != nullptr;
}

bool PrivateKeyMatches(std::string_view key, std::string_view certificates) {
  const ScopedErrorQueue clear;
  const Key parsed = ReadKey(key);
  const Bio bio = MakeMemoryBio(certificates);
  const Certificate first = NextCertificate(bio.get());
  return parsed != nullptr && first != nullptr &&
         X509_check_private_key(first.get(), parsed.get()) == 1;
}

}  // namespace evalrun::tls
