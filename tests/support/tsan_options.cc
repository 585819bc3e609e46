// SPDX-License-Identifier: Apache-2.0
//
// For the tsan preset: a test with a gRPC client reports nothing about its own process, because
// gRPC is not instrumented, and the program under test is the gateway, in a process of its own.
extern "C" const char* __tsan_default_options();  // NOLINT(readability-identifier-naming): its name
extern "C" const char* __tsan_default_options() { return "report_bugs=0"; }
