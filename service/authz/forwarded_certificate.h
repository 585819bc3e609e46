// SPDX-License-Identifier: Apache-2.0
//
// File: forwarded_certificate.h
//
// Reads Envoy's `x-forwarded-client-cert` (XFCC), by which a proxy passes on who its client is.
// Pure.
#ifndef EVALRUN_SERVICE_AUTHZ_FORWARDED_CERTIFICATE_H_
#define EVALRUN_SERVICE_AUTHZ_FORWARDED_CERTIFICATE_H_

#include <optional>
#include <string>
#include <string_view>

namespace evalrun::authz {

inline constexpr std::string_view kForwardedCertificateKey = "x-forwarded-client-cert";

// The URI in the client's certificate, such as `spiffe://prod/ns/batch/sa/worker`, of the last
// element: the one that the proxy in front of this process has appended. The elements before it are
// what the proxy has received.
//
//   value   = element *( "," element )
//   element = key "=" text *( ";" key "=" text )
//   text    = characters without , ; = and "    or    " in quotes, where \ escapes the next one "
//
// nullopt unless the whole value has this form and the last element has exactly one `URI`, which is
// not empty: nothing that a client puts before the proxy's element can then be taken for it. A
// certificate with several URIs is not an X.509-SVID and has no identity.
[[nodiscard]] std::optional<std::string> ParseForwardedCertificateUri(std::string_view value);

}  // namespace evalrun::authz

#endif  // EVALRUN_SERVICE_AUTHZ_FORWARDED_CERTIFICATE_H_
