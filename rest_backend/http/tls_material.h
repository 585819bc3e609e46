// SPDX-License-Identifier: Apache-2.0
//
// File: tls_material.h
//
// The certificates and the private key of one side of TLS. The gRPC port and the HTTP client take
// the same type.
#ifndef EVALRUN_REST_BACKEND_HTTP_TLS_MATERIAL_H_
#define EVALRUN_REST_BACKEND_HTTP_TLS_MATERIAL_H_

#include <string>

namespace evalrun::http {

// All in PEM, each possibly empty. Moves without copying the private key, whose memory is wiped
// when the object is destroyed. A const object may be read by several threads.
struct TlsMaterial {
  TlsMaterial() = default;
  ~TlsMaterial();
  TlsMaterial(TlsMaterial&& other) noexcept = default;
  TlsMaterial& operator=(TlsMaterial&& other) = delete;
  TlsMaterial(const TlsMaterial&) = delete;
  TlsMaterial& operator=(const TlsMaterial&) = delete;

  std::string ca_certificates;    // that the peer's certificate is verified against
  std::string certificate_chain;  // our own certificate, then its intermediates
  std::string private_key;        // of our own certificate
};

}  // namespace evalrun::http

#endif  // EVALRUN_REST_BACKEND_HTTP_TLS_MATERIAL_H_
