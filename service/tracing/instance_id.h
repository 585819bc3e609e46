// SPDX-License-Identifier: Apache-2.0
//
// File: instance_id.h
//
// The identity of a process whose operator gave it none.
#ifndef EVALRUN_SERVICE_TRACING_INSTANCE_ID_H_
#define EVALRUN_SERVICE_TRACING_INSTANCE_ID_H_

#include <string>

#include "service/handler/random_source.h"

namespace evalrun::tracing {

// A random UUID (version 4), as OpenTelemetry recommends for `service.instance.id`.
[[nodiscard]] std::string MakeInstanceId(handler::RandomSource* random);

}  // namespace evalrun::tracing

#endif  // EVALRUN_SERVICE_TRACING_INSTANCE_ID_H_
