// File: gateway_process.h
//
// The real evalrun-gateway, started on free ports in front of an upstream of the test's.
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

// The API key of every gateway under test. It must turn up at the upstream and nowhere else.
inline constexpr char kCanaryKey[] = "canary-key-0123456789abcdef";

class GatewayProcess {
 public:
  struct Options {
    std::string upstream;
    std::vector<std::string> flags = {};  // after those that this class gives
    std::map<std::string, std::string> env = {};
    // A file that the gateway sees as /etc/hosts, in a mount namespace of its own: for root only.
    std::string hosts_file = {};
    // The core that it is bound to; -1: any.
    int core = -1;
    // Lines of its output that are remembered, the first ones.
    std::size_t max_lines = std::numeric_limits<std::size_t>::max();
  };

  // Returns once the gateway listens. Throws std::runtime_error, with what it said, when it ends
  // instead or does not come up.
  explicit GatewayProcess(const Options& options);

  // How it is started: for tests of what refuses to start. The program is that of this build, or
  // the one that the variable GATEWAY_UNDER_TEST names (a release, one with sanitizers).
  [[nodiscard]] static ChildProcess::Options MakeCommand(const Options& options);

  // HOST:PORT
  [[nodiscard]] const std::string& grpc_address() const { return grpc_address_; }
  [[nodiscard]] const std::string& admin_address() const { return admin_address_; }

  // The access log so far, one object per call. Lines that are no JSON fail the test.
  [[nodiscard]] std::vector<nlohmann::json> AccessLog() const;
  // The line of the call with this `x-request-id`, once it is written.
  std::optional<nlohmann::json> WaitForAccessLine(
      const std::string& request_id, std::chrono::milliseconds timeout = std::chrono::seconds(20));

  // The first line of this event that has `text` in it, once it is written.
  std::optional<std::string> WaitForEvent(const std::string& event, const std::string& text = "");

  HttpResponse Get(const std::string& path) const { return HttpGet(admin_address_, path); }
  // The value of one series, such as `grpc_server_started_total{grpc_type="unary",...}`, whose
  // labels are given in any order as they stand in the text; nothing when there is none.
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
