// SPDX-License-Identifier: Apache-2.0
//
// File: reflection.h
//
// Responses of the server reflection protocol, from the descriptors that are compiled in. Knows no
// stream.
#ifndef EVALRUN_SERVICE_GRPC_ADAPTER_REFLECTION_H_
#define EVALRUN_SERVICE_GRPC_ADAPTER_REFLECTION_H_

#include "grpc/reflection/v1alpha/reflection.pb.h"

namespace evalrun::grpc_adapter {

// One response to one request. What is not there, or not asked for properly, is an ErrorResponse
// with NOT_FOUND or INVALID_ARGUMENT.
[[nodiscard]] grpc::reflection::v1alpha::ServerReflectionResponse HandleReflectionRequest(
    const grpc::reflection::v1alpha::ServerReflectionRequest& request);

}  // namespace evalrun::grpc_adapter

#endif  // EVALRUN_SERVICE_GRPC_ADAPTER_REFLECTION_H_
