// SPDX-License-Identifier: Apache-2.0

#include "service/tls/client_context.h"

#include <cstddef>
#include <optional>
#include <vector>

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "service/tls/pem.h"
#include "service/tls/pem_certificates.h"

namespace evalrun::tls {
namespace {

bool TrustAuthorities(SSL_CTX* context, std::string_view authorities) {
  if (authorities.empty()) return SSL_CTX_set_default_verify_paths(context) == 1;
  const auto certificates = ReadPemCertificates(authorities);
  if (!certificates.has_value()) return false;
  X509_STORE* const store = SSL_CTX_get_cert_store(context);
  for (const Certificate& certificate : *certificates) {
    if (X509_STORE_add_cert(store, certificate.get()) != 1) return false;
  }
  return true;
}

bool PresentCertificate(SSL_CTX* context, std::string_view chain, std::string_view private_key) {
  if (chain.empty()) return true;
  const auto certificates = ReadPemCertificates(chain);
  const PrivateKey key = ReadPrivateKey(private_key);
  if (!certificates.has_value() || key == nullptr) return false;
  if (SSL_CTX_use_certificate(context, certificates->front().get()) != 1) return false;
  for (std::size_t i = 1; i < certificates->size(); ++i) {
    if (SSL_CTX_add1_chain_cert(context, (*certificates)[i].get()) != 1) return false;
  }
  return SSL_CTX_use_PrivateKey(context, key.get()) == 1;
}

}  // namespace

absl::StatusOr<std::shared_ptr<SSL_CTX>> MakeClientContext(std::string_view authorities,
                                                           std::string_view chain,
                                                           std::string_view private_key) {
  const ScopedErrorQueue clear;
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free);
  if (context == nullptr) return absl::ResourceExhaustedError("out of memory");
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  if (SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1 ||
      !TrustAuthorities(context.get(), authorities) ||
      !PresentCertificate(context.get(), chain, private_key)) {
    const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
    return absl::InvalidArgumentError(reason == nullptr ? "not accepted by OpenSSL" : reason);
  }
  return context;
}

std::shared_ptr<SSL> MakeClientConnection(SSL_CTX* context, int socket, const char* server_name) {
  const ScopedErrorQueue clear;
  std::shared_ptr<SSL> connection(SSL_new(context), &SSL_free);
  if (connection == nullptr || SSL_set_fd(connection.get(), socket) != 1) return nullptr;
  X509_VERIFY_PARAM* const parameters = SSL_get0_param(connection.get());
  if (X509_VERIFY_PARAM_set1_ip_asc(parameters, server_name) == 1) return connection;
  X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  // SSL_set_tlsext_host_name(), a macro with a cast of C.
  const long is_set = SSL_ctrl(connection.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME,
                               TLSEXT_NAMETYPE_host_name, const_cast<char*>(server_name));
  if (is_set != 1 || X509_VERIFY_PARAM_set1_host(parameters, server_name, 0) != 1) return nullptr;
  return connection;
}

}  // namespace evalrun::tls
