// SPDX-License-Identifier: Apache-2.0
//
// File: certificate_path.h
//
// The path that a peer builds from a certificate to an authority that it trusts. Pure, except that
// the system's authorities are read when a certificate has expired.
#ifndef EVALRUN_SERVICE_TLS_CERTIFICATE_PATH_H_
#define EVALRUN_SERVICE_TLS_CERTIFICATE_PATH_H_

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace evalrun::tls {

struct CertificatePath {
  // When all certificates of the path are valid: from the start of the one that starts last to the
  // end of the one that ends first.
  std::chrono::system_clock::time_point valid_from;
  std::chrono::system_clock::time_point valid_until;
  // The subjects of expired certificates in the file that are not part of the path.
  std::vector<std::string> ignored;
};

// Builds the path from the first certificate in `chain` (PEM), through the others in any order, to
// one whose issuer is not among them, and so is known to the peer. A path that has not expired at
// `now` is preferred. Expired certificates are not needed when they are roots, which peers have
// themselves, or when the certificate below them was issued by an authority of the system or of
// `authorities` (PEM; may be empty), as where a new root was cross-signed by an old one. Nothing
// when there is no certificate in `chain`, or a damaged one.
[[nodiscard]] std::optional<CertificatePath> BuildCertificatePath(
    std::string_view chain, std::string_view authorities,
    std::chrono::system_clock::time_point now);

}  // namespace evalrun::tls

#endif  // EVALRUN_SERVICE_TLS_CERTIFICATE_PATH_H_
