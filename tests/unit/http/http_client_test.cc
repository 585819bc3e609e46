// SPDX-License-Identifier: Apache-2.0
//
// What libcurl refuses to begin. Transfers over real sockets: tests/integration/gateway.
#include "rest_backend/http/http_client.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace evalrun::http {
namespace {

using deletion::Fault;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class RecordingObserver final : public AttemptObserver {
 public:
  virtual ~RecordingObserver() = default;
  void OnAttemptDone(const deletion::AttemptResult& result) override {
    faults.push_back(result.fault);
    last_status = result.http_status;
    may_have_been_sent = may_have_been_sent || result.may_have_been_sent;
  }

  std::vector<Fault> faults;
  int last_status = 0;
  bool may_have_been_sent = false;
};

// Responds 204 to each request on one connection.
class OneConnectionServer {
 public:
  OneConnectionServer() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(bind(listener_, generic, size), 0);
    EXPECT_EQ(listen(listener_, 1), 0);
    EXPECT_EQ(getsockname(listener_, generic, &size), 0);
    url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    thread_ = std::thread([this] { Serve(); });
  }
  ~OneConnectionServer() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }
  OneConnectionServer(const OneConnectionServer&) = delete;
  OneConnectionServer& operator=(const OneConnectionServer&) = delete;

  [[nodiscard]] const std::string& url() const { return url_; }

 private:
  void Serve() const {
    const int connection = accept(listener_, nullptr, nullptr);
    std::array<char, 4096> request{};
    const std::string response = "HTTP/1.1 204 X\r\n\r\n";
    while (recv(connection, request.data(), request.size(), 0) > 0) {
      EXPECT_EQ(send(connection, response.data(), response.size(), MSG_NOSIGNAL),
                static_cast<ssize_t>(response.size()));
    }
    close(connection);
  }

  const int listener_ = socket(AF_INET, SOCK_STREAM, 0);
  std::string url_;
  std::thread thread_;
};

// libcurl takes no string beyond 8 MB: setting this one fails, as any does without memory.
std::string MakeRejectedTarget() {
  std::string target = "/";
  target.resize(9'000'000, 'x');
  return target;
}

class HttpClientTest : public ::testing::Test {
 protected:
  // Nobody listens on port 1.
  HttpClient client_{HttpClientOptions{.origin = "http://127.0.0.1:1", .headers = {}, .proxy = {}}};
  RecordingObserver observer_;
  const std::string rejected_target_ = MakeRejectedTarget();

  Transfer* Send(const std::string& target) {
    return client_.Send(
        {.target = target.c_str(), .headers = {}, .timeout = std::chrono::seconds(9)}, &observer_);
  }
};

TEST_F(HttpClientTest, RejectedOptionFailsTheAttemptAndSendsNothing) {
  Send(rejected_target_);
  EXPECT_THAT(observer_.faults, IsEmpty()) << "not from within Send()";
  EXPECT_EQ(client_.in_flight(), 1U);
  const auto wake_up = client_.NextWakeUp();
  ASSERT_TRUE(wake_up.has_value());
  EXPECT_LE(*wake_up, std::chrono::steady_clock::now());
  EXPECT_TRUE(client_.RunReady());
  EXPECT_THAT(observer_.faults, ElementsAre(Fault::kInternal));
  EXPECT_FALSE(observer_.may_have_been_sent);
  EXPECT_EQ(client_.in_flight(), 0U);
  EXPECT_EQ(client_.connections_opened(), 0U);
}

TEST_F(HttpClientTest, AbortedAttemptThatWasNotStartedIsNotReported) {
  EXPECT_FALSE(client_.Abort(Send(rejected_target_)));
  EXPECT_EQ(client_.in_flight(), 0U);
  client_.RunReady();
  EXPECT_THAT(observer_.faults, IsEmpty());
}

TEST_F(HttpClientTest, ExpiredAttemptThatWasNotStartedIsReportedOnce) {
  client_.Expire(Send(rejected_target_));
  client_.RunReady();
  EXPECT_THAT(observer_.faults, ElementsAre(Fault::kTimeout));
  EXPECT_EQ(client_.in_flight(), 0U);
}

// libcurl keeps the status of a handle's previous transfer until it begins the next one.
TEST(HttpClientExpireTest, HasNoStatusOfTheTransferBefore) {
  const OneConnectionServer server;
  HttpClient client(HttpClientOptions{.origin = server.url(), .headers = {}, .proxy = {}});
  RecordingObserver observer;
  const AttemptRequest request{
      .target = "/v2/eval-runs/x", .headers = {}, .timeout = std::chrono::seconds(9)};
  client.Send(request, &observer);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (observer.faults.empty() && std::chrono::steady_clock::now() < end) {
    client.Poll();
    client.RunReady();
  }
  ASSERT_THAT(observer.faults, ElementsAre(Fault::kNone));
  ASSERT_EQ(observer.last_status, 204);

  observer = {};
  client.Expire(client.Send(request, &observer));
  EXPECT_THAT(observer.faults, ElementsAre(Fault::kTimeout));
  EXPECT_EQ(observer.last_status, 0);
  EXPECT_FALSE(observer.may_have_been_sent);
}

TEST_F(HttpClientTest, HandleIsUsableAfterARejectedOption) {
  Send(rejected_target_);
  client_.RunReady();
  Send("/v2/eval-runs/x");
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (observer_.faults.size() < 2 && std::chrono::steady_clock::now() < end) {
    client_.Poll();
    client_.RunReady();
  }
  EXPECT_THAT(observer_.faults, ElementsAre(Fault::kInternal, Fault::kConnect));
}

}  // namespace
}  // namespace evalrun::http
