// SPDX-License-Identifier: Apache-2.0
//
// File: grpc_hooks.h
//
// The one reason for which tests of the gRPC hooks are skipped.
#ifndef EVALRUN_TESTS_SUPPORT_GRPC_HOOKS_H_
#define EVALRUN_TESTS_SUPPORT_GRPC_HOOKS_H_

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

// In a test or its SetUp(), where the hooks must be active.
#define SKIP_WITHOUT_GRPC_HOOKS()                       \
  if (!grpc::Version().starts_with("1.51.")) {          \
    GTEST_SKIP() << "the gRPC hooks are for gRPC 1.51"; \
  }                                                     \
  static_assert(true)

#endif  // EVALRUN_TESTS_SUPPORT_GRPC_HOOKS_H_
