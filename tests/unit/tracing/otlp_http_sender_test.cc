// SPDX-License-Identifier: Apache-2.0
//
// What tests/operator/traces_test.py cannot see from outside.
#include "service/tracing/otlp_http_sender.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <string>

#include <gtest/gtest.h>

namespace evalrun::tracing {
namespace {

using namespace std::chrono_literals;

// Listens on a free port; connections are made, and never accepted or answered.
class SilentCollector {
 public:
  SilentCollector() : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(bind(socket_, generic, size), 0);
    EXPECT_EQ(listen(socket_, 8), 0);
    EXPECT_EQ(getsockname(socket_, generic, &size), 0);
    url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/v1/traces";
  }
  ~SilentCollector() { close(socket_); }
  SilentCollector(const SilentCollector&) = delete;
  SilentCollector& operator=(const SilentCollector&) = delete;

  [[nodiscard]] const std::string& url() const { return url_; }

 private:
  const int socket_;
  std::string url_;
};

OtlpHttpOptions MakeOptions(const SilentCollector& collector, std::chrono::milliseconds timeout) {
  return {.url = collector.url(), .ca_file = "", .timeout = timeout, .user_agent = "test"};
}

TEST(OtlpHttpSenderTest, EndsARequestThatIsNotAnsweredInTime) {
  const SilentCollector collector;
  OtlpHttpSender sender(MakeOptions(collector, 50ms));
  const SendResult result = sender.Send("request");
  EXPECT_EQ(result.status, SendResult::Status::kUnavailable);
  EXPECT_NE(result.error, "");
}

TEST(OtlpHttpSenderTest, EndsTheRequestUnderWayWhenItIsToldTo) {
  const SilentCollector collector;
  OtlpHttpSender sender(MakeOptions(collector, 10min));
  auto result = std::async(std::launch::async, [&] { return sender.Send("request"); });
  EXPECT_EQ(result.wait_for(100ms), std::future_status::timeout);
  sender.EndBy(std::chrono::steady_clock::now());
  ASSERT_EQ(result.wait_for(20s), std::future_status::ready) << "and this test now waits 10 min";
  EXPECT_EQ(result.get().status, SendResult::Status::kUnavailable);
  EXPECT_EQ(sender.Send("request").status, SendResult::Status::kUnavailable) << "also later ones";
}

}  // namespace
}  // namespace evalrun::tracing
