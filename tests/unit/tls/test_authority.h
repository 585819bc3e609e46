// SPDX-License-Identifier: Apache-2.0
//
// Certificates made in the test's process.
#ifndef EVALRUN_TESTS_UNIT_TLS_TEST_AUTHORITY_H_
#define EVALRUN_TESTS_UNIT_TLS_TEST_AUTHORITY_H_

#include <chrono>
#include <memory>
#include <string>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

namespace evalrun::testing {

// When a certificate is valid.
struct Validity {
  std::chrono::system_clock::time_point from;
  std::chrono::system_clock::time_point until;
};

// A name and a key that certificates are issued for, and that issues others.
class TestIdentity {
 public:
  explicit TestIdentity(std::string name) : name_(std::move(name)), key_(EVP_EC_gen("P-256")) {}
  ~TestIdentity() { EVP_PKEY_free(key_); }
  TestIdentity(const TestIdentity&) = delete;
  TestIdentity& operator=(const TestIdentity&) = delete;

  // A certificate in PEM for this identity, signed by `issuer`, which may be this one.
  [[nodiscard]] std::string IssuedBy(const TestIdentity& issuer, Validity validity,
                                     bool is_authority = true) const {
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), &X509_free);
    X509* const raw = certificate.get();
    X509_set_version(raw, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(raw), ++serial_);
    SetName(X509_get_subject_name(raw), name_);
    SetName(X509_get_issuer_name(raw), issuer.name_);
    ASN1_TIME_set(X509_getm_notBefore(raw), std::chrono::system_clock::to_time_t(validity.from));
    ASN1_TIME_set(X509_getm_notAfter(raw), std::chrono::system_clock::to_time_t(validity.until));
    X509_set_pubkey(raw, key_);
    X509_EXTENSION* const constraints = X509V3_EXT_nconf_nid(
        nullptr, nullptr, NID_basic_constraints, is_authority ? "critical,CA:TRUE" : "CA:FALSE");
    X509_add_ext(raw, constraints, -1);
    X509_EXTENSION_free(constraints);
    X509_sign(raw, issuer.key_, EVP_sha256());
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), &BIO_free);
    PEM_write_bio_X509(bio.get(), raw);
    return Contents(bio.get());
  }

  // The private key in PEM.
  [[nodiscard]] std::string PrivateKey() const {
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), &BIO_free);
    PEM_write_bio_PrivateKey(bio.get(), key_, nullptr, nullptr, 0, nullptr, nullptr);
    return Contents(bio.get());
  }

 private:
  static std::string Contents(BIO* bio) {
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio, &text);
    return {text, static_cast<std::size_t>(size)};
  }

  static void SetName(X509_NAME* name, const std::string& text) {
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(text.c_str()), -1, -1, 0);
  }

  static inline long serial_ = 0;
  const std::string name_;
  EVP_PKEY* const key_;
};

}  // namespace evalrun::testing

#endif  // EVALRUN_TESTS_UNIT_TLS_TEST_AUTHORITY_H_
