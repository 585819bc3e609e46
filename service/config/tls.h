// File: tls.h
//
// What the settings of TLS, on either side, allow, and the files that they name. No message shows
// any byte of a key.
#ifndef EVALRUN_SERVICE_CONFIG_TLS_H_
#define EVALRUN_SERVICE_CONFIG_TLS_H_

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "rest_backend/http/tls_material.h"
#include "service/config/config.pb.h"
#include "service/config/read_file.h"

namespace evalrun::config {

// Which settings of TLS need each other, and what plaintext needs. Pure.
void CheckTls(const v1::GatewayConfig& config, std::vector<std::string>* errors);

// Files that belong together: a certificate with its key, and the authorities that the other side
// is verified against. Each name may be empty; those of certificate and key only together.
struct TlsPaths {
  std::string certificate;
  std::string key;
  std::string authorities;
};

// Those of the gRPC port, and those for the upstream.
[[nodiscard]] TlsPaths ToTlsPaths(const v1::Tls& tls);
[[nodiscard]] TlsPaths ToTlsPaths(const v1::Upstream& upstream);

// What the files hold.
struct TlsFiles {
  http::TlsMaterial material;
  // When the first of the certificate and its intermediates ends, and the last of the authorities.
  std::optional<std::chrono::system_clock::time_point> certificate_expiry;
  std::optional<std::chrono::system_clock::time_point> authorities_expiry;
};

// Reads them. Refused, naming the file: one that cannot be read or holds something else, a key
// that is not the certificate's, and what has expired at `now`.
[[nodiscard]] absl::StatusOr<TlsFiles> LoadTlsFiles(const TlsPaths& paths,
                                                    const FileReader& read_file,
                                                    std::chrono::system_clock::time_point now);

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_TLS_H_
