// SPDX-License-Identifier: Apache-2.0
//
// File: peer_credentials.h
//
// Reads the peer's credentials from gRPC's AuthContext, for service/authz/caller.h.
#ifndef EVALRUN_SERVICE_GRPC_ADAPTER_PEER_CREDENTIALS_H_
#define EVALRUN_SERVICE_GRPC_ADAPTER_PEER_CREDENTIALS_H_

#include <memory>
#include <string_view>

#include <grpcpp/security/auth_context.h>
#include <grpcpp/server_context.h>

#include "service/authz/caller.h"

namespace evalrun::grpc_adapter {

// The client's certificate, as far as it names the client. Views into `context`, which is kept.
struct CertificateSubjects {
  std::shared_ptr<const grpc::AuthContext> context;
  std::string_view spiffe_id;
  std::string_view dns_name;
  bool has_certificate = false;  // also if it has neither name
};

// Only for a server that verifies the certificates it asks for: gRPC shows the names in one that it
// was told not to verify just the same. A SPIFFE id counts when it is the only URI in the
// certificate.
[[nodiscard]] CertificateSubjects GetCertificateSubjects(const grpc::ServerContext& call);

}  // namespace evalrun::grpc_adapter

#endif  // EVALRUN_SERVICE_GRPC_ADAPTER_PEER_CREDENTIALS_H_
