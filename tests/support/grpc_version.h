// SPDX-License-Identifier: Apache-2.0
//
// File: grpc_version.h
//
// What tests expect depends on gRPC's version.
#ifndef EVALRUN_TESTS_SUPPORT_GRPC_VERSION_H_
#define EVALRUN_TESTS_SUPPORT_GRPC_VERSION_H_

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

namespace evalrun::testing {

// Whether it is 1.51, and not a newer one.
inline bool HasGrpc151() { return grpc::Version().starts_with("1.51."); }

}  // namespace evalrun::testing

// In a test or its SetUp(), where the hooks must be active: the one reason for which it is skipped.
#define SKIP_WITHOUT_GRPC_HOOKS()                       \
  if (!evalrun::testing::HasGrpc151()) {                \
    GTEST_SKIP() << "the gRPC hooks are for gRPC 1.51"; \
  }                                                     \
  static_assert(true)

#endif  // EVALRUN_TESTS_SUPPORT_GRPC_VERSION_H_
