// SPDX-License-Identifier: Apache-2.0

#include "service/config/tls.h"

#include <cstddef>
#include <string_view>
#include <utility>

#include "service/authz/network.h"
#include "service/config/secret.h"
#include "service/config/text.h"
#include "service/tls/certificate_path.h"
#include "service/tls/pem.h"

namespace evalrun::config {
namespace {

using std::chrono::system_clock;

bool IsLoopback(const std::string& host) {
  if (host == "localhost") return true;
  const std::optional<authz::IpAddress> address = authz::ParseIpAddress(host);
  return address.has_value() && authz::IsLoopback(*address);
}

absl::Status FileError(const std::string& path, std::string_view why) {
  return absl::InvalidArgumentError(Concat(Escape(path), ": ", why));
}

// The certificates in a file, and when they expire.
absl::StatusOr<std::pair<std::string, tls::Expiry>> ReadCertificates(const std::string& path,
                                                                     const FileReader& read_file) {
  absl::StatusOr<std::string> pem = read_file(path, kMaxConfigFileBytes);
  if (!pem.ok()) return pem.status();
  const std::optional<tls::Expiry> expiry = tls::ParseExpiry(*pem);
  if (!expiry.has_value()) {
    WipeString(&*pem);  // a key may have been put there by mistake
    return FileError(path, "there is no certificate in PEM in it, or a damaged one");
  }
  return std::pair(*std::move(pem), *expiry);
}

absl::Status ReadPair(const TlsPaths& paths, const FileReader& read_file,
                      system_clock::time_point now, TlsFiles* files) {
  auto certificate = ReadCertificates(paths.certificate, read_file);
  if (!certificate.ok()) return certificate.status();
  const auto path =
      tls::BuildCertificatePath(certificate->first, files->material.ca_certificates, now);
  if (!path.has_value()) return FileError(paths.certificate, "a certificate in it is damaged");
  if (path->valid_until <= now) {
    return FileError(paths.certificate,
                     "the certificate, or one of its intermediates, has expired");
  }
  absl::StatusOr<std::string> key = read_file(paths.key, kMaxConfigFileBytes);
  if (!key.ok()) return key.status();
  std::string& private_key = files->material.private_key;
  private_key = *std::move(key);
  if (!tls::IsPrivateKey(private_key)) {
    return FileError(paths.key, "there is no private key in PEM without a password in it");
  }
  if (!tls::PrivateKeyMatches(private_key, certificate->first)) {
    return FileError(paths.key, Concat("it is not the key of ", Escape(paths.certificate)));
  }
  files->material.certificate_chain = std::move(certificate->first);
  files->certificate_start = path->valid_from;
  files->certificate_expiry = path->valid_until;
  files->ignored_certificates = path->ignored;
  return absl::OkStatus();
}

absl::Status ReadAuthorities(const std::string& path, const FileReader& read_file,
                             system_clock::time_point now, TlsFiles* files) {
  auto authorities = ReadCertificates(path, read_file);
  if (!authorities.ok()) return authorities.status();
  if (authorities->second.last <= now) {
    return FileError(path, "the certificates of the authorities have all expired");
  }
  files->material.ca_certificates = std::move(authorities->first);
  files->authorities_expiry = authorities->second.last;
  return absl::OkStatus();
}

void CheckServer(const LoadedConfig& loaded, std::vector<std::string>* conflicts) {
  const v1::Tls& tls = loaded.config.tls();
  if (tls.certificate_file().empty() != tls.key_file().empty()) {
    conflicts->emplace_back("tls.certificate_file, tls.key_file: must come together");
  }
  const bool verifies = tls.client_certificates() != v1::Tls::CLIENT_CERTIFICATES_OFF;
  if (verifies && tls.certificate_file().empty()) {
    conflicts->emplace_back("tls.client_certificates: must be off without tls.certificate_file");
  }
  if (verifies && tls.client_ca_file().empty()) {
    conflicts->emplace_back("tls.client_certificates: must be off without tls.client_ca_file");
  }
  if (!verifies && !tls.client_ca_file().empty()) {
    conflicts->emplace_back(
        "tls.client_ca_file: must come with tls.client_certificates optional or required, for "
        "otherwise no certificate is asked for");
  }
  // Without a host the address itself was wrong.
  if (!loaded.listen.host.empty() && !IsLoopback(loaded.listen.host) &&
      tls.certificate_file().empty() && !loaded.config.server().insecure()) {
    conflicts->emplace_back(
        Concat("listen = \"", loaded.config.listen(),
               "\": must be an address of the loopback interface, such as 127.0.0.1, without "
               "tls.certificate_file; server.insecure serves other machines in plaintext"));
  }
}

void CheckUpstream(const LoadedConfig& loaded, std::vector<std::string>* conflicts) {
  const v1::Upstream& upstream = loaded.config.upstream();
  if (upstream.client_certificate_file().empty() != upstream.client_key_file().empty()) {
    conflicts->emplace_back(
        "upstream.client_certificate_file, upstream.client_key_file: must come together");
  }
  const bool has_files = !upstream.client_certificate_file().empty() || !upstream.ca_file().empty();
  if (has_files && loaded.upstream.scheme == "http") {
    conflicts->emplace_back(
        "upstream.ca_file, upstream.client_certificate_file: must come with an upstream.url that "
        "begins with https://");
  }
}

void CheckRedis(const v1::LimitsRedis& redis, std::vector<std::string>* conflicts) {
  if (redis.client_certificate_file().empty() != redis.client_key_file().empty()) {
    conflicts->emplace_back(
        "limits.redis.client_certificate_file, limits.redis.client_key_file: must come together");
  }
  const bool has_settings = !redis.ca_file().empty() || !redis.client_certificate_file().empty() ||
                            !redis.tls_server_name().empty();
  if (has_settings && !redis.tls()) {
    conflicts->emplace_back(
        "limits.redis.ca_file, limits.redis.client_certificate_file, limits.redis.tls_server_name: "
        "must come with limits.redis.tls");
  }
  if (redis.tls() && redis.address().empty()) {
    conflicts->emplace_back("limits.redis.tls: must come with limits.redis.address");
  }
}

}  // namespace

void CheckTls(const LoadedConfig& loaded, std::vector<std::string>* conflicts) {
  CheckServer(loaded, conflicts);
  CheckUpstream(loaded, conflicts);
  CheckRedis(loaded.config.limits().redis(), conflicts);
}

TlsPaths ToTlsPaths(const v1::Tls& tls) {
  return {.certificate = tls.certificate_file(),
          .key = tls.key_file(),
          .authorities = tls.client_ca_file()};
}

TlsPaths ToTlsPaths(const v1::Upstream& upstream) {
  return {.certificate = upstream.client_certificate_file(),
          .key = upstream.client_key_file(),
          .authorities = upstream.ca_file()};
}

TlsPaths ToTlsPaths(const v1::LimitsRedis& redis) {
  return {.certificate = redis.client_certificate_file(),
          .key = redis.client_key_file(),
          .authorities = redis.ca_file()};
}

absl::StatusOr<TlsFiles> LoadTlsFiles(const TlsPaths& paths, const FileReader& read_file,
                                      system_clock::time_point now) {
  TlsFiles files;
  absl::Status status;
  if (!paths.authorities.empty()) {
    status.Update(ReadAuthorities(paths.authorities, read_file, now, &files));
  }
  if (!paths.certificate.empty()) status.Update(ReadPair(paths, read_file, now, &files));
  if (!status.ok()) return status;
  return absl::StatusOr<TlsFiles>(std::move(files));
}

}  // namespace evalrun::config
