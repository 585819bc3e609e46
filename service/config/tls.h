// SPDX-License-Identifier: Apache-2.0
//
// File: tls.h
//
// Checks the settings of TLS on each side, and reads the files that they name. No error shows any
// byte of a key.
#ifndef EVALRUN_SERVICE_CONFIG_TLS_H_
#define EVALRUN_SERVICE_CONFIG_TLS_H_

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "rest_backend/http/tls_material.h"
#include "service/config/config.pb.h"
#include "service/config/loaded_config.h"
#include "service/config/read_file.h"

namespace evalrun::config {

// Appends one line for each conflict between settings of TLS, and for an address that plaintext is
// not served on. Pure.
void CheckTls(const LoadedConfig& loaded, std::vector<std::string>* conflicts);

// The files of one side: a certificate with its key, and the authorities by which the peer is
// verified. Each name may be empty; those of certificate and key only together.
struct TlsPaths {
  std::string certificate;
  std::string key;
  std::string authorities;
};

// Those of the gRPC port, those for the upstream, and those for Redis.
[[nodiscard]] TlsPaths ToTlsPaths(const v1::Tls& tls);
[[nodiscard]] TlsPaths ToTlsPaths(const v1::Upstream& upstream);
[[nodiscard]] TlsPaths ToTlsPaths(const v1::LimitsRedis& redis);

// The content of the files.
struct TlsFiles {
  http::TlsMaterial material;
  // From when to when the certificate and the intermediates that a peer needs are valid, and when
  // the last of the authorities expires.
  std::optional<std::chrono::system_clock::time_point> certificate_start;
  std::optional<std::chrono::system_clock::time_point> certificate_expiry;
  std::optional<std::chrono::system_clock::time_point> authorities_expiry;
  // The subjects of expired certificates beside the certificate that no peer needs.
  std::vector<std::string> ignored_certificates;
};

// Reads the files. Errors, each naming its file: one that cannot be read or holds something else, a
// key that is not the certificate's, and certificates that have expired at `now` and are needed
// (tls/certificate_path.h). One that is not valid yet is no error here.
[[nodiscard]] absl::StatusOr<TlsFiles> LoadTlsFiles(const TlsPaths& paths,
                                                    const FileReader& read_file,
                                                    std::chrono::system_clock::time_point now);

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_TLS_H_
