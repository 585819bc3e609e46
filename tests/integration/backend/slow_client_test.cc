// SPDX-License-Identifier: Apache-2.0
//
// Clients that keep the server waiting: each timeout takes effect. The server runs in this process,
// with timeouts short enough for a test.
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "rest_backend/server/http_server.h"
#include "tests/integration/backend/raw_connection.h"

namespace evalrun::backend {
namespace {

using std::chrono::milliseconds;

constexpr char kGet[] = "GET /here HTTP/1.1\r\nHost: x\r\n\r\n";

class SlowClient : public testing::Test {
 protected:
  // Timeouts that must not take effect: the test would fail after RawConnection's 10 s.
  static constexpr milliseconds kLong{60'000};

  void Start(const ConnectionLimits& limits) {
    server_ = std::make_unique<HttpServer>(HttpServerOptions{.limits = limits});
    const auto respond = [](const httplib::Request& request, httplib::Response& response) {
      response.status = 200;
      // More than the buffers of both sockets hold.
      const std::size_t size = request.has_param("large") ? 64U << 20U : 2;
      response.set_content(std::string(size, 'a'), "text/plain");
    };
    server_->AddRoute("GET", "/here", respond);
    server_->AddRoute("POST", "/here", respond);
    const auto port = server_->Start("127.0.0.1", 0);
    ASSERT_TRUE(port.ok()) << port.status();
    port_ = *port;
  }

  std::unique_ptr<HttpServer> server_;
  int port_ = 0;
};

TEST_F(SlowClient, IsClosedWhenIdle) {
  Start({.idle = milliseconds(50), .request = kLong, .write = kLong});
  const RawConnection connection(port_);
  EXPECT_EQ(connection.ReadToEnd(), " FIN");
}

TEST_F(SlowClient, IsClosedWhenIdleAfterARequest) {
  Start({.idle = milliseconds(50), .request = kLong, .write = kLong});
  const RawConnection connection(port_);
  connection.Send(kGet);
  EXPECT_TRUE(connection.ReadToEnd().ends_with("aa FIN"));
}

TEST_F(SlowClient, IsClosedWithinARequestLine) {
  Start({.idle = kLong, .request = milliseconds(50), .write = kLong});
  const RawConnection connection(port_);
  connection.Send("GET /he");
  EXPECT_TRUE(connection.ReadToEnd().ends_with(" FIN"));
}

TEST_F(SlowClient, SlowHeadGets408) {
  Start({.idle = kLong, .request = milliseconds(50), .write = kLong});
  const RawConnection connection(port_);
  connection.Send("GET /here HTTP/1.1\r\nHost: x\r\nA: b");
  const std::string received = connection.ReadToEnd();
  EXPECT_EQ(received.substr(0, 12), "HTTP/1.1 408") << received;
  EXPECT_NE(received.find("Connection: close"), std::string::npos) << received;
}

TEST_F(SlowClient, SlowBodyGets408) {
  Start({.idle = kLong, .request = milliseconds(50), .write = kLong});
  const RawConnection connection(port_);
  connection.Send("POST /here HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab");
  const std::string received = connection.ReadToEnd();
  EXPECT_EQ(received.substr(0, 12), "HTTP/1.1 408") << received;
  EXPECT_NE(received.find("Connection: close"), std::string::npos) << received;
}

TEST_F(SlowClient, TrickledBytesDoNotExtendTheDeadline) {
  Start({.idle = kLong, .request = milliseconds(100), .write = kLong});
  const RawConnection connection(port_);
  connection.Send("GET /here HTTP/1.1\r\nHost: x\r\nA: ");
  const auto begun = std::chrono::steady_clock::now();
  while (connection.IsSilentFor(milliseconds(2))) {
    connection.Send("b");
    ASSERT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(10));
  }
  EXPECT_EQ(connection.ReadResponses(1).substr(0, 12), "HTTP/1.1 408");
}

TEST_F(SlowClient, EmptyLinesDoNotExtendTheDeadline) {
  Start({.idle = kLong, .request = milliseconds(100), .write = kLong});
  const RawConnection connection(port_);
  const auto begun = std::chrono::steady_clock::now();
  while (connection.IsSilentFor(milliseconds(2))) {
    connection.Send("\r\n");
    ASSERT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(10));
  }
}

TEST_F(SlowClient, IsClosedWhenItDoesNotRead) {
  Start({.idle = kLong, .request = kLong, .write = milliseconds(50)});
  const RawConnection connection(port_);
  connection.Send("GET /here?large HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_FALSE(connection.IsSilentFor(std::chrono::seconds(10)));
  const auto begun = std::chrono::steady_clock::now();
  server_->Stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(10));
}

TEST_F(SlowClient, IsServedWithinTheDeadline) {
  Start({.idle = kLong, .request = kLong, .write = kLong});
  const RawConnection connection(port_);
  const std::string request = kGet;
  for (const char c : request) {
    EXPECT_TRUE(connection.IsSilentFor(milliseconds(1)));
    connection.Send(std::string(1, c));
  }
  EXPECT_EQ(connection.ReadResponses(1).substr(0, 12), "HTTP/1.1 200");
}

}  // namespace
}  // namespace evalrun::backend
