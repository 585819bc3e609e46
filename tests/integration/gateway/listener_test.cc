// SPDX-License-Identifier: Apache-2.0
//
// Which addresses both ports listen on, and what happens at the gRPC port when descriptors run out.
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/gateway_process.h"
#include "tests/support/hosts_file.h"
#include "tests/support/http_get.h"
#include "tests/support/matchers.h"
#include "tests/support/scripts.h"

namespace evalrun::testing {
namespace {

using namespace std::chrono_literals;
using grpc::StatusCode;
using ::testing::HasSubstr;

std::string GetPort(const std::string& address) { return address.substr(address.rfind(':') + 1); }

// Connections that send nothing.
class IdleConnections {
 public:
  ~IdleConnections() { Close(); }
  void Open(const std::string& port, int count) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(port)));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < count; ++i) {
      const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      ASSERT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
      fds_.push_back(fd);
    }
  }
  void Close() {
    for (const int fd : fds_) close(fd);
    fds_.clear();
  }

 private:
  std::vector<int> fds_;
};

// A name with an IPv4 and an IPv6 address.
constexpr char kBothFamilies[] = "127.0.0.1 both.test\n::1 both.test\n";

class ListenerTest : public ::testing::Test {
 protected:
  // A deletion over a new connection.
  DeleteReply Call(const std::string& address) {
    DeleteClient client(address);
    return client.Delete({.timeout = 20s});
  }

  // Both ports, over IPv4 and IPv6.
  void ExpectBothFamiliesServed(const GatewayProcess& gateway) {
    for (const std::string host : {"127.0.0.1:", "[::1]:"}) {
      EXPECT_THAT(Call(host + GetPort(gateway.grpc_address())), HasCode(StatusCode::OK)) << host;
      EXPECT_EQ(HttpGet(host + GetPort(gateway.admin_address()), "/healthz").status, 200) << host;
    }
  }

  ScriptedUpstream upstream_{Respond(HttpReply(204))};
};

TEST_F(ListenerTest, WildcardAddressOfIpv6IsDualStack) {
  GatewayProcess gateway(
      {.upstream = upstream_.url(),
       .flags = {"--listen", "[::]:0", "--server-insecure", "--admin-listen", "[::]:0"}});
  ExpectBothFamiliesServed(gateway);
}

TEST_F(ListenerTest, ListensOnAllAddressesOfAName) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to create a mount namespace";
  const HostsFile hosts(kBothFamilies);
  GatewayProcess gateway(
      {.upstream = upstream_.url(),
       .flags = {"--listen", "both.test:0", "--admin-listen", "both.test:0", "--server-insecure"},
       .hosts_file = hosts.path()});
  EXPECT_EQ(gateway.grpc_address(), "both.test:" + GetPort(gateway.grpc_address()));
  EXPECT_EQ(gateway.admin_address(), "both.test:" + GetPort(gateway.admin_address()));
  ExpectBothFamiliesServed(gateway);
}

// Callers that reach the other program would take it for the gateway.
TEST_F(ListenerTest, DoesNotStartWhenOneAddressOfANameIsTaken) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to create a mount namespace";
  const HostsFile hosts(kBothFamilies);
  GatewayProcess first(
      {.upstream = upstream_.url(), .flags = {"--listen", "[::1]:0", "--server-insecure"}});
  const std::string taken = first.grpc_address();
  for (const std::string flag : {"--listen", "--admin-listen"}) {
    ChildProcess second(GatewayProcess::MakeCommand(
        {.upstream = upstream_.url(),
         .flags = {flag, "both.test:" + GetPort(taken), "--server-insecure"},
         .hosts_file = hosts.path()}));
    ASSERT_TRUE(second.WaitForExit(20s).has_value()) << flag;
    EXPECT_THAT(second.all_output(),
                HasSubstr("cannot listen on " + taken + ": bind: Address already in use"))
        << flag;
  }
}

TEST_F(ListenerTest, ATakenPortIsAnErrorThatNamesAddressAndCause) {
  GatewayProcess first({.upstream = upstream_.url(), .flags = {"--listen", "127.0.0.1:0"}});
  for (const std::string flag : {"--listen", "--admin-listen"}) {
    ChildProcess second(GatewayProcess::MakeCommand(
        {.upstream = upstream_.url(), .flags = {flag, first.grpc_address()}}));
    ASSERT_TRUE(second.WaitForExit(20s).has_value()) << flag;
    EXPECT_THAT(second.all_output(), HasSubstr("cannot listen on " + first.grpc_address() +
                                               ": bind: Address already in use"))
        << flag;
  }
}

// One connection too many must not end the service for everybody.
TEST_F(ListenerTest, RecoversFromRunningOutOfDescriptors) {
  GatewayProcess gateway({.upstream = upstream_.url()});
  const rlimit limit{.rlim_cur = 96, .rlim_max = 96};
  ASSERT_EQ(prlimit(gateway.process().pid(), RLIMIT_NOFILE, &limit, nullptr), 0);
  IdleConnections connections;
  connections.Open(GetPort(gateway.grpc_address()), 300);
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (gateway.Metric("gateway_connections_closed_no_descriptor_total").value_or(0) < 1 &&
         std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(10ms);
  }
  EXPECT_GE(gateway.Metric("gateway_connections_closed_no_descriptor_total").value_or(0), 1);
  connections.Close();
  // As soon as the gateway has noticed that they are closed.
  while (Call(gateway.grpc_address()).code != StatusCode::OK &&
         std::chrono::steady_clock::now() < deadline) {
  }
  EXPECT_THAT(Call(gateway.grpc_address()), HasCode(StatusCode::OK));
  EXPECT_EQ(gateway.Get("/readyz").status, 200);
}

// The parameter: upstream.max_in_flight, with 0 for no limit.
class DescriptorShareTest : public ListenerTest, public ::testing::WithParamInterface<int> {};

// Callers' connections leave descriptors for those to the upstream.
TEST_P(DescriptorShareTest, KeepsDescriptorsForTheUpstream) {
  GatewayProcess gateway({.upstream = upstream_.url(),
                          .flags = {"--upstream-max-in-flight", std::to_string(GetParam())},
                          .max_descriptors = 128});
  EXPECT_TRUE(gateway.WaitForEvent("descriptor_limit_low").has_value());
  DeleteClient client(gateway.grpc_address());
  ASSERT_TRUE(client.channel()->WaitForConnected(std::chrono::system_clock::now() + 20s));
  IdleConnections connections;
  connections.Open(GetPort(gateway.grpc_address()), 200);
  for (int i = 0; i < 10; ++i) {
    EXPECT_THAT(client.Delete({.timeout = 20s}), HasCode(StatusCode::OK)) << i;
  }
  EXPECT_EQ(gateway.Get("/healthz").status, 200);
}

INSTANTIATE_TEST_SUITE_P(Limits, DescriptorShareTest, ::testing::Values(16, 0),
                         ::testing::PrintToStringParamName());

}  // namespace
}  // namespace evalrun::testing
