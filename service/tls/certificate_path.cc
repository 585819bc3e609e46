// SPDX-License-Identifier: Apache-2.0

#include "service/tls/certificate_path.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>

#include <openssl/bio.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "service/tls/pem_certificates.h"

namespace evalrun::tls {
namespace {

using std::chrono::system_clock;

struct Link {
  Certificate certificate;
  system_clock::time_point valid_from;
  system_clock::time_point valid_until;
  bool is_visited = false;
};

bool HasIssued(X509* issuer, X509* subject) {
  EVP_PKEY* const key = X509_get0_pubkey(issuer);
  return X509_check_issued(issuer, subject) == X509_V_OK && key != nullptr &&
         X509_verify(subject, key) == 1;
}

bool IsRoot(X509* certificate) { return HasIssued(certificate, certificate); }

std::string SubjectText(X509* certificate) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), &BIO_free);
  X509_NAME_print_ex(bio.get(), X509_get_subject_name(certificate), 0,
                     XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : std::string();
}

// Whether the system's authorities, or those in `authorities`, have issued `subject`, and are
// valid.
bool IsIssuedByAuthority(X509* subject, std::string_view authorities) {
  const std::unique_ptr<X509_STORE, decltype(&X509_STORE_free)> store(X509_STORE_new(),
                                                                      &X509_STORE_free);
  const std::unique_ptr<X509_STORE_CTX, decltype(&X509_STORE_CTX_free)> context(
      X509_STORE_CTX_new(), &X509_STORE_CTX_free);
  if (store == nullptr || context == nullptr) return false;
  X509_STORE_set_default_paths(store.get());  // it may have none
  if (const auto more = ReadPemCertificates(authorities)) {
    for (const Certificate& authority : *more) X509_STORE_add_cert(store.get(), authority.get());
  }
  if (X509_STORE_CTX_init(context.get(), store.get(), subject, nullptr) != 1) return false;
  X509* found = nullptr;
  if (X509_STORE_CTX_get1_issuer(&found, context.get(), subject) != 1) return false;
  const Certificate issuer(found, &X509_free);
  return HasIssued(issuer.get(), subject) &&
         X509_cmp_current_time(X509_get0_notAfter(issuer.get())) > 0;
}

class PathBuilder {
 public:
  PathBuilder(std::vector<Link> links, std::string_view authorities, system_clock::time_point now)
      : links_(std::move(links)), authorities_(authorities), now_(now) {}

  CertificatePath Build() {
    if (!Extend(0)) ExtendThroughExpired();
    CertificatePath path{
        .valid_from = links_[0].valid_from, .valid_until = links_[0].valid_until, .ignored = {}};
    for (const std::size_t index : path_) {
      path.valid_from = std::max(path.valid_from, links_[index].valid_from);
      path.valid_until = std::min(path.valid_until, links_[index].valid_until);
    }
    for (std::size_t i = 0; i < links_.size(); ++i) {
      if (IsExpired(i) && std::ranges::find(path_, i) == path_.end()) {
        path.ignored.push_back(SubjectText(links_[i].certificate.get()));
      }
    }
    return path;
  }

 private:
  X509* Get(std::size_t index) const { return links_[index].certificate.get(); }
  bool IsExpired(std::size_t index) const { return links_[index].valid_until <= now_; }

  // Those in the file that have issued the certificate `index`, without itself.
  std::vector<std::size_t> FindIssuers(std::size_t index) const {
    std::vector<std::size_t> issuers;
    for (std::size_t i = 0; i < links_.size(); ++i) {
      if (i != index && HasIssued(Get(i), Get(index))) issuers.push_back(i);
    }
    return issuers;
  }

  // Completes `path_` from the certificate `index` on, without expired ones. Visits none twice.
  bool Extend(std::size_t index) {
    links_[index].is_visited = true;
    if (IsExpired(index)) return false;
    path_.push_back(index);
    if (IsRoot(Get(index))) return true;
    std::vector<std::size_t> issuers = FindIssuers(index);
    // Those that are valid already come first.
    std::stable_partition(issuers.begin(), issuers.end(),
                          [this](std::size_t i) { return links_[i].valid_from <= now_; });
    for (const std::size_t issuer : issuers) {
      if (!links_[issuer].is_visited && Extend(issuer)) return true;
    }
    const bool is_complete =
        std::ranges::all_of(issuers, [this](std::size_t i) { return IsRoot(Get(i)); }) ||
        IsIssuedByAuthority(Get(index), authorities_);
    if (!is_complete) path_.pop_back();
    return is_complete;
  }

  // There is no valid path: this is the one that was meant.
  void ExtendThroughExpired() {
    path_ = {0};
    for (std::size_t i = 0; i < path_.size(); ++i) {
      for (const std::size_t issuer : FindIssuers(path_[i])) {
        if (std::ranges::find(path_, issuer) != path_.end()) continue;
        path_.push_back(issuer);
        break;
      }
    }
  }

  std::vector<Link> links_;
  const std::string_view authorities_;
  const system_clock::time_point now_;
  std::vector<std::size_t> path_;
};

}  // namespace

std::optional<CertificatePath> BuildCertificatePath(std::string_view chain,
                                                    std::string_view authorities,
                                                    system_clock::time_point now) {
  const ScopedErrorQueue clear;
  auto certificates = ReadPemCertificates(chain);
  if (!certificates.has_value()) return std::nullopt;
  std::vector<Link> links;
  for (Certificate& certificate : *certificates) {
    const auto from = ToTimePoint(X509_get0_notBefore(certificate.get()));
    const auto until = ToTimePoint(X509_get0_notAfter(certificate.get()));
    if (!from.has_value() || !until.has_value()) return std::nullopt;
    links.push_back(
        {.certificate = std::move(certificate), .valid_from = *from, .valid_until = *until});
  }
  return PathBuilder(std::move(links), authorities, now).Build();
}

}  // namespace evalrun::tls
