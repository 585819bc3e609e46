// SPDX-License-Identifier: Apache-2.0

#include "service/grpc_adapter/peer_credentials.h"

#include <vector>

#include <grpc/grpc_security_constants.h>

namespace evalrun::grpc_adapter {
namespace {

std::string_view First(const grpc::AuthContext& context, const char* property) {
  const std::vector<grpc::string_ref> values = context.FindPropertyValues(property);
  if (values.empty()) return {};
  return {values.front().data(), values.front().size()};
}

}  // namespace

CertificateSubjects GetCertificateSubjects(const grpc::ServerContext& call) {
  CertificateSubjects names{.context = call.auth_context(), .spiffe_id = {}, .dns_name = {}};
  if (names.context == nullptr) return names;
  // gRPC does not count a peer as authenticated whose certificate has no subject and no name.
  names.has_certificate = !First(*names.context, GRPC_X509_PEM_CERT_PROPERTY_NAME).empty();
  if (!names.context->IsPeerAuthenticated()) return names;
  names.spiffe_id = First(*names.context, GRPC_PEER_SPIFFE_ID_PROPERTY_NAME);
  if (names.spiffe_id.empty()) names.dns_name = First(*names.context, GRPC_PEER_DNS_PROPERTY_NAME);
  return names;
}

}  // namespace evalrun::grpc_adapter
