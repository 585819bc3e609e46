// SPDX-License-Identifier: Apache-2.0
//
// File: gateway_process.h
//
// Runs the real evalrun-gateway on free ports, in front of the test's upstream.
#ifndef EVALRUN_TESTS_SUPPORT_GATEWAY_PROCESS_H_
#define EVALRUN_TESTS_SUPPORT_GATEWAY_PROCESS_H_

#include <chrono>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/support/child_process.h"
#include "tests/support/http_get.h"

namespace evalrun::testing {

// The API key of every gateway under test. It must reach the upstream and appear nowhere else.
inline constexpr char kCanaryKey[] = "canary-key-0123456789abcdef";

class GatewayProcess {
 public:
  struct Options {
    std::string upstream;
    std::vector<std::string> flags = {};  // after the flags that this class adds
    std::map<std::string, std::string> env = {};
    // A file that the gateway sees as /etc/hosts, in its own mount namespace; requires root.
    std::string hosts_file = {};
    // The core to which the gateway is bound; -1: any.
    int core = -1;
    // Its limit of descriptors, soft and hard; 0: this process's.
    int max_descriptors = 0;
    // How many lines of its output are kept: the first ones.
    std::size_t max_lines = std::numeric_limits<std::size_t>::max();
  };

  // Returns when the gateway is listening. Throws std::runtime_error with its output if it exits
  // instead or does not start in time.
  explicit GatewayProcess(const Options& options);

  // The command, for tests of gateways that fail to start. The program is that of this build, or
  // the one that the environment variable GATEWAY_UNDER_TEST names (a release, one with
  // sanitizers).
  [[nodiscard]] static ChildProcess::Options MakeCommand(const Options& options);

  // HOST:PORT
  [[nodiscard]] const std::string& grpc_address() const { return grpc_address_; }
  [[nodiscard]] const std::string& admin_address() const { return admin_address_; }

  // The access log so far, one object per call. The test fails if a line is not JSON.
  [[nodiscard]] std::vector<nlohmann::json> AccessLog() const;
  // Waits for the log line of the call with this `x-request-id`.
  std::optional<nlohmann::json> WaitForAccessLine(
      const std::string& request_id, std::chrono::milliseconds timeout = std::chrono::seconds(20));

  // Waits for the first line of this event that contains `text`.
  std::optional<std::string> WaitForEvent(const std::string& event, const std::string& text = "");

  HttpResponse Get(const std::string& path) const { return HttpGet(admin_address_, path); }
  // The value of one series, such as `grpc_server_started_total{grpc_type="unary",...}`. The labels
  // are given in any order, formatted as in the exposition; nullopt if there is no such series.
  [[nodiscard]] std::optional<double> Metric(const std::string& name,
                                             const std::vector<std::string>& labels = {}) const;

  [[nodiscard]] ChildProcess& process() { return process_; }
  [[nodiscard]] const ChildProcess& process() const { return process_; }

 private:
  ChildProcess process_;
  std::string grpc_address_;
  std::string admin_address_;
};

}  // namespace evalrun::testing

#endif  // EVALRUN_TESTS_SUPPORT_GATEWAY_PROCESS_H_
