// SPDX-License-Identifier: Apache-2.0

#include "service/grpc_adapter/server_tls.h"

#include <grpc/grpc.h>

#include "service/grpc_adapter/grpc_compat.h"

namespace evalrun::grpc_adapter {

void ServerTls::Set(const http::TlsMaterial& material) {
  const grpc_ssl_pem_key_cert_pair pair = {.private_key = material.private_key.c_str(),
                                           .cert_chain = material.certificate_chain.c_str()};
  // gRPC asserts that there are CA certificates, also when it asks for no client certificate.
  const std::string& roots =
      material.ca_certificates.empty() ? material.certificate_chain : material.ca_certificates;
  const std::lock_guard lock(mutex_);
  next_.reset(grpc_ssl_server_certificate_config_create(roots.c_str(), &pair, 1));
}

std::shared_ptr<grpc::ServerCredentials> ServerTls::Credentials() {
  grpc_ssl_server_credentials_options* options =
      grpc_ssl_server_credentials_create_options_using_config_fetcher(
          client_certificates_,
          +[](void* self, grpc_ssl_server_certificate_config** config) {
            auto* tls = static_cast<ServerTls*>(self);
            const std::lock_guard lock(tls->mutex_);
            *config = tls->next_.release();
            return *config != nullptr ? GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW
                                      : GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
          },
          this);
  // gRPC's C++ interface has no certificates that can be fetched; that of its C core has.
  return std::make_shared<CoreServerCredentials>(
      grpc_ssl_server_credentials_create_with_options(options));
}

}  // namespace evalrun::grpc_adapter
