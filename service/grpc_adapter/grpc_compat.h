// SPDX-License-Identifier: Apache-2.0
//
// File: grpc_compat.h
//
// The one place for what differs between the versions of gRPC that this folder is built with: 1.51
// and 1.83.
#ifndef EVALRUN_SERVICE_GRPC_ADAPTER_GRPC_COMPAT_H_
#define EVALRUN_SERVICE_GRPC_ADAPTER_GRPC_COMPAT_H_

#include <chrono>
#include <limits>
#include <memory>
#include <string>

#include <grpc/grpc.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/version_info.h>

namespace evalrun::grpc_adapter {

static_assert(GRPC_CPP_VERSION_MAJOR == 1);

#if GRPC_CPP_VERSION_MINOR < 60

// Credentials that were made by gRPC's C core. Takes ownership of them.
class CoreServerCredentials final : public grpc::ServerCredentials {
 public:
  explicit CoreServerCredentials(grpc_server_credentials* credentials)
      : credentials_(credentials) {}
  ~CoreServerCredentials() override { grpc_server_credentials_release(credentials_); }
  CoreServerCredentials(const CoreServerCredentials&) = delete;
  CoreServerCredentials& operator=(const CoreServerCredentials&) = delete;

  // Not needed: the caller's identity is read from the call.
  void SetAuthMetadataProcessor(
      const std::shared_ptr<grpc::AuthMetadataProcessor>& /*processor*/) override {}

 private:
  int AddPortToServer(const std::string& address, grpc_server* server) override {
    return grpc_server_add_http2_port(server, address.c_str(), credentials_);
  }

  grpc_server_credentials* credentials_;
};

// gRPC does not end calls at their deadline by itself.
inline void DisableDeadlineTimers(grpc::ServerBuilder* builder) {
  builder->AddChannelArgument(GRPC_ARG_ENABLE_DEADLINE_CHECKS, 0);
}

// gRPC reads connections on the event loop's thread: while it reads one without a pause, the loop
// begins no iteration.
inline constexpr bool kReadsOnLoopThread = true;

// No call is refused because others wait for the event loop.
inline void AcceptPendingCalls(grpc::ServerBuilder* /*builder*/) {}

// How long a client may take to respond to a ping.
inline void SetKeepaliveTimeout(std::chrono::milliseconds timeout, grpc::ServerBuilder* builder) {
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, static_cast<int>(timeout.count()));
}

#else

// Credentials that were made by gRPC's C core. Takes ownership of them.
class CoreServerCredentials final : public grpc::ServerCredentials {
 public:
  explicit CoreServerCredentials(grpc_server_credentials* credentials)
      : grpc::ServerCredentials(credentials) {}
};

// Newer gRPC has no such argument: each call has a timer.
inline void DisableDeadlineTimers(grpc::ServerBuilder* /*builder*/) {}

// Threads of gRPC read connections, whatever the event loop does.
inline constexpr bool kReadsOnLoopThread = false;

// gRPC can read more calls than the event loop has requested. By default it cancels calls, of any
// client, from 1000 such calls on. The bounds of each connection remain.
inline void AcceptPendingCalls(grpc::ServerBuilder* builder) {
  builder->AddChannelArgument(GRPC_ARG_SERVER_MAX_PENDING_REQUESTS,
                              std::numeric_limits<int>::max());
  builder->AddChannelArgument(GRPC_ARG_SERVER_MAX_PENDING_REQUESTS_HARD_LIMIT,
                              std::numeric_limits<int>::max());
}

// The keepalive timeout has no effect in 1.83, whose test for a timer that runs is inverted. That
// of all pings, by default a minute, has; its name is not in a public header.
inline void SetKeepaliveTimeout(std::chrono::milliseconds timeout, grpc::ServerBuilder* builder) {
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, static_cast<int>(timeout.count()));
  builder->AddChannelArgument("grpc.http2.ping_timeout_ms", static_cast<int>(timeout.count()));
}

#endif

}  // namespace evalrun::grpc_adapter

#endif  // EVALRUN_SERVICE_GRPC_ADAPTER_GRPC_COMPAT_H_
