// SPDX-License-Identifier: Apache-2.0

#include "service/cli/tls_credentials.h"

#include <cerrno>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "service/tls/pem.h"

namespace evalrun::cli {
namespace {

absl::Status FileError(std::string_view flag, const std::string& path, std::string_view what) {
  return absl::InvalidArgumentError(fmt::format("{} {}: {}", flag, path, what));
}

absl::StatusOr<std::string> ReadFile(std::string_view flag, const std::string& path) {
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (!in.is_open() || in.bad() || (text.empty() && errno != 0)) {
    return FileError(flag, path, std::generic_category().message(errno));
  }
  return text;
}

absl::StatusOr<std::string> ReadCertificates(std::string_view flag, const std::string& path) {
  absl::StatusOr<std::string> text = ReadFile(flag, path);
  if (text.ok() && !tls::ParseExpiry(*text).has_value()) {
    return FileError(flag, path, "there is no certificate in PEM format in it");
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
    absl::StatusOr<std::string> key = ReadFile("--key-file", tls.key_file);
    if (!key.ok()) return key.status();
    if (!tls::IsPrivateKey(*key)) {
      return FileError("--key-file", tls.key_file,
                       "there is no private key in PEM format without a password in it");
    }
    if (!tls::PrivateKeyMatches(*key, *certificate)) {
      return FileError("--key-file", tls.key_file,
                       "it is not the key of the certificate in --cert-file " + tls.cert_file);
    }
    options.pem_cert_chain = *std::move(certificate);
    options.pem_private_key = *std::move(key);
  }
  return grpc::SslCredentials(options);
}

}  // namespace evalrun::cli
