// File: gateway_call.h
//
// The calls that evalrunctl makes, over gRPC. All that touches the network is here.
#ifndef EVALRUN_SERVICE_CLI_GATEWAY_CALL_H_
#define EVALRUN_SERVICE_CLI_GATEWAY_CALL_H_

#include <memory>
#include <string>

#include <grpcpp/channel.h>

#include "service/cli/delete_report.h"

namespace evalrun::cli {

// A channel to the gateway. No connection is made yet. Proxy variables of the environment are not
// heeded: a gateway is a neighbour.
[[nodiscard]] std::shared_ptr<grpc::Channel> OpenChannel(const Connection& connection);

// Deletes one run and waits for the answer, at most `connection.timeout`. Sends nothing unless the
// connection was made before, so that "cannot connect" certainly means "not deleted".
[[nodiscard]] DeleteReport CallDelete(const std::shared_ptr<grpc::Channel>& channel,
                                      const Connection& connection, const DeleteRequest& request);

// What `grpc.health.v1.Health/Check` says about the whole server.
struct HealthReport {
  bool serving = false;
  std::string explanation;  // a sentence without its full stop
};

[[nodiscard]] HealthReport CallHealth(const std::shared_ptr<grpc::Channel>& channel,
                                      const Connection& connection);

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_GATEWAY_CALL_H_
