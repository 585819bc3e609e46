// SPDX-License-Identifier: Apache-2.0
//
// File: server_tls.h
//
// TLS for the gRPC port, with a certificate that can be replaced while the server runs.
//
// gRPC asks for the certificate at every handshake (a "config fetcher"). gRPC's own file watcher is
// not used: it accepts a private key that is not the certificate's, and then no handshake succeeds.
#ifndef EVALRUN_SERVICE_GRPC_ADAPTER_SERVER_TLS_H_
#define EVALRUN_SERVICE_GRPC_ADAPTER_SERVER_TLS_H_

#include <memory>
#include <mutex>

#include <grpc/grpc_security.h>
#include <grpcpp/security/server_credentials.h>

#include "rest_backend/http/tls_material.h"

namespace evalrun::grpc_adapter {

// Thread-safe. Outlives the server that was given the credentials.
class ServerTls {
 public:
  // Whether client certificates are asked for, and what happens without a good one.
  explicit ServerTls(grpc_ssl_client_certificate_request_type client_certificates)
      : client_certificates_(client_certificates) {}
  ServerTls(const ServerTls&) = delete;
  ServerTls& operator=(const ServerTls&) = delete;

  // Copies `material`, which must have a certificate chain and its private key. New connections use
  // it; existing ones keep what they have. gRPC ignores a private key that is not the
  // certificate's.
  void Set(const http::TlsMaterial& material);

  // For one port of one server. Set() must have been called.
  [[nodiscard]] std::shared_ptr<grpc::ServerCredentials> Credentials();

 private:
  struct DestroyConfig {
    void operator()(grpc_ssl_server_certificate_config* config) const {
      grpc_ssl_server_certificate_config_destroy(config);
    }
  };

  const grpc_ssl_client_certificate_request_type client_certificates_;
  std::mutex mutex_;
  // What gRPC has not fetched yet; guarded by mutex_.
  std::unique_ptr<grpc_ssl_server_certificate_config, DestroyConfig> next_;
};

}  // namespace evalrun::grpc_adapter

#endif  // EVALRUN_SERVICE_GRPC_ADAPTER_SERVER_TLS_H_
