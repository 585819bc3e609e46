// SPDX-License-Identifier: Apache-2.0
//
// A stuck event loop is noticed from outside, and nothing that must respond waits for it.
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>
#include <optional>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/gateway_process.h"
#include "tests/support/matchers.h"
#include "tests/support/scripts.h"

namespace evalrun::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using Clock = std::chrono::steady_clock;

std::optional<pid_t> FindThread(pid_t process, const std::string& name) {
  const std::string tasks = "/proc/" + std::to_string(process) + "/task";
  for (const auto& task : std::filesystem::directory_iterator(tasks)) {
    std::string found;
    std::getline(std::ifstream(task.path() / "comm"), found);
    if (found == name) return std::stoi(task.path().filename());
  }
  return std::nullopt;
}

// Stops one thread of a process, as a debugger does, until Release(). All on one thread: ptrace(2)
// obeys only the thread that attached.
class StoppedThread {
 public:
  explicit StoppedThread(pid_t thread) : worker_([this, thread] { Hold(thread); }) {
    error_ = stopped_.get_future().get();
  }
  ~StoppedThread() { Release(); }
  StoppedThread(const StoppedThread&) = delete;
  StoppedThread& operator=(const StoppedThread&) = delete;

  // 0, or the errno of what failed.
  [[nodiscard]] int error() const { return error_; }
  void Release() {
    if (!worker_.joinable()) return;
    release_.set_value();
    worker_.join();
  }

 private:
  void Hold(pid_t thread) {
    int status = 0;
    const bool stopped = ptrace(PTRACE_SEIZE, thread, nullptr, nullptr) == 0 &&
                         ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr) == 0 &&
                         waitpid(thread, &status, __WALL) == thread;
    stopped_.set_value(stopped ? 0 : errno);
    release_.get_future().wait();
    ptrace(PTRACE_DETACH, thread, nullptr, nullptr);
  }

  std::promise<int> stopped_;
  std::promise<void> release_;
  int error_ = 0;
  std::thread worker_;
};

class StuckEventLoopTest : public ::testing::Test {
 protected:
  // With the event loop stopped; null when this machine forbids it.
  std::unique_ptr<StoppedThread> Stop(GatewayProcess& gateway) {
    const auto deadline = Clock::now() + 20s;
    auto thread = FindThread(gateway.process().pid(), "event-loop");
    while (!thread.has_value() && Clock::now() < deadline) {
      thread = FindThread(gateway.process().pid(), "event-loop");
    }
    if (!thread.has_value()) {
      ADD_FAILURE() << "there is no such thread";
      return nullptr;
    }
    auto stopped = std::make_unique<StoppedThread>(*thread);
    EXPECT_EQ(stopped->error(), 0) << std::strerror(stopped->error());
    return stopped;
  }

  ScriptedUpstream upstream_{Respond(HttpReply(204))};
};

TEST_F(StuckEventLoopTest, MakesHealthAndReadinessFailUntilItGoesOn) {
  GatewayProcess gateway(
      {.upstream = upstream_.url(), .flags = {"--server-max-event-loop-lag", "1s"}});
  EXPECT_EQ(gateway.Get("/healthz").status, 200);
  const auto stopped = Stop(gateway);
  const auto deadline = Clock::now() + 30s;
  while (gateway.Get("/healthz").status == 200 && Clock::now() < deadline) {
    std::this_thread::sleep_for(20ms);
  }
  const HttpResponse unhealthy = gateway.Get("/healthz");
  EXPECT_EQ(unhealthy.status, 503);
  EXPECT_THAT(unhealthy.body, HasSubstr("the event loop has not responded for "));
  EXPECT_EQ(gateway.Get("/readyz").status, 503);
  EXPECT_GE(gateway.Metric("gateway_event_loop_lag_seconds").value_or(0), 1);

  stopped->Release();
  DeleteClient client(gateway.grpc_address());
  EXPECT_THAT(client.Delete({.timeout = 20s}), HasCode(grpc::StatusCode::OK));
  EXPECT_EQ(gateway.Get("/healthz").status, 200);
  EXPECT_LT(gateway.Metric("gateway_event_loop_lag_seconds").value_or(9), 1);
}

TEST_F(StuckEventLoopTest, DoesNotDelayTheAdminPort) {
  GatewayProcess gateway({.upstream = upstream_.url()});
  const auto stopped = Stop(gateway);
  std::this_thread::sleep_for(1500ms);  // by now an iteration is due
  for (const char* path : {"/metrics", "/healthz", "/status.json", "/readyz", "/config"}) {
    const auto begun = Clock::now();
    EXPECT_EQ(gateway.Get(path).status, 200) << path;
    EXPECT_LT(Clock::now() - begun, 5s) << path;
  }
}

TEST_F(StuckEventLoopTest, DoesNotPreventTheProcessFromEnding) {
  GatewayProcess gateway({.upstream = upstream_.url(), .flags = {"--drain-timeout", "1s"}});
  const auto stopped = Stop(gateway);
  gateway.process().Signal(SIGTERM);
  EXPECT_TRUE(gateway.WaitForEvent("stop_failed").has_value());
  stopped->Release();
  const auto exit = gateway.process().WaitForExit(20s);
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->code, 1);
}

}  // namespace
}  // namespace evalrun::testing
