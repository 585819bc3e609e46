// SPDX-License-Identifier: Apache-2.0
//
// Lines as gRPC and protobuf log them, with the log of the version that is installed.
#ifndef EVALRUN_TESTS_UNIT_OBSERVABILITY_LIBRARY_LINES_H_
#define EVALRUN_TESTS_UNIT_OBSERVABILITY_LIBRARY_LINES_H_

#include <string>

#if __has_include(<google/protobuf/stubs/logging.h>)
#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>
#else
#include <absl/log/absl_log.h>
#endif

namespace evalrun::testing {

// An error of gRPC, from this line of a file of its own.
inline void LogGrpcError(int line, const std::string& message) {
#if __has_include(<google/protobuf/stubs/logging.h>)
  gpr_log("src/core/test.cc", line, GPR_LOG_SEVERITY_ERROR, "%s", message.c_str());
#else
  ABSL_LOG(ERROR).AtLocation("src/core/test.cc", line) << message;
#endif
}

// A line of protobuf that becomes a warning.
inline void LogProtobufWarning(const std::string& message) {
#if __has_include(<google/protobuf/stubs/logging.h>)
  GOOGLE_LOG(WARNING) << message;
#else
  ABSL_LOG(WARNING).AtLocation("google/protobuf/test.cc", 1) << message;
#endif
}

}  // namespace evalrun::testing

#endif  // EVALRUN_TESTS_UNIT_OBSERVABILITY_LIBRARY_LINES_H_
