#include "service/cli/tls_credentials.h"

#include <cerrno>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace evalrun::cli {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

Bio Open(const std::string& text) {
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free};
}

// For an encrypted key there is no password, and nobody is asked for one.
int NoPassword(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*context*/) { return -1; }

Certificate FirstCertificate(const std::string& text) {
  const Bio bio = Open(text);
  return {PEM_read_bio_X509(bio.get(), nullptr, &NoPassword, nullptr), &X509_free};
}

Key PrivateKey(const std::string& text) {
  const Bio bio = Open(text);
  return {PEM_read_bio_PrivateKey(bio.get(), nullptr, &NoPassword, nullptr), &EVP_PKEY_free};
}

absl::Status Wrong(std::string_view flag, const std::string& path, std::string_view what) {
  ERR_clear_error();
  return absl::InvalidArgumentError(fmt::format("{} {}: {}", flag, path, what));
}

absl::StatusOr<std::string> Read(std::string_view flag, const std::string& path) {
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (!in.is_open() || in.bad() || (text.empty() && errno != 0)) {
    return Wrong(flag, path, std::generic_category().message(errno));
  }
  return text;
}

absl::StatusOr<std::string> ReadCertificates(std::string_view flag, const std::string& path) {
  absl::StatusOr<std::string> text = Read(flag, path);
  if (text.ok() && FirstCertificate(*text) == nullptr) {
    return Wrong(flag, path, "there is no certificate in PEM format in it");
  }
  return text;
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> LoadTlsCredentials(const Tls& tls) {
  grpc::SslCredentialsOptions options;
  if (!tls.ca_file.empty()) {
    absl::StatusOr<std::string> authorities = ReadCertificates("--ca-file", tls.ca_file);
    if (!authorities.ok()) return authorities.status();
    options.pem_root_certs = *std::move(authorities);
  }
  if (!tls.cert_file.empty()) {
    absl::StatusOr<std::string> certificate = ReadCertificates("--cert-file", tls.cert_file);
    if (!certificate.ok()) return certificate.status();
    absl::StatusOr<std::string> key = Read("--key-file", tls.key_file);
    if (!key.ok()) return key.status();
    const Key parsed = PrivateKey(*key);
    if (parsed == nullptr) {
      return Wrong("--key-file", tls.key_file,
                   "there is no private key in PEM format without a password in it");
    }
    if (X509_check_private_key(FirstCertificate(*certificate).get(), parsed.get()) != 1) {
      return Wrong("--key-file", tls.key_file,
                   "it is not the key of the certificate in --cert-file " + tls.cert_file);
    }
    options.pem_cert_chain = *std::move(certificate);
    options.pem_private_key = *std::move(key);
  }
  return grpc::SslCredentials(options);
}

}  // namespace evalrun::cli
