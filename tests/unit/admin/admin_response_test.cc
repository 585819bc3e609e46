// SPDX-License-Identifier: Apache-2.0
//
// The responses of the admin port.
#include "service/admin/admin_response.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace evalrun::admin {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class HandleAdminRequestTest : public ::testing::Test {
 protected:
  AdminResponse Send(std::string_view method, std::string_view path, std::string_view body = "") {
    return HandleAdminRequest({.method = method, .path = path, .body = body}, sources_);
  }

  std::string unhealthy_reason_;
  std::string not_ready_because_;
  std::string level_ = "info";
  const AdminSources sources_ = {
      .metrics = [] { return std::string("a_metric 1\n"); },
      .unhealthy_reason = [this] { return unhealthy_reason_; },
      .not_ready_because = [this] { return not_ready_because_; },
      .config = [] { return std::string("listen: x\n"); },
      .status_json = [] { return std::string("{}"); },
      .log_level = [this] { return level_; },
      .set_log_level =
          [this](const std::string& level) {
            if (level != "debug") return false;
            level_ = level;
            return true;
          },
  };
};

TEST_F(HandleAdminRequestTest, RoutesByPath) {
  const char* const all = "try / /metrics /healthz /readyz /config /loglevel /status.json\n";
  struct {
    const char* method;
    const char* path;
    unsigned int status;
    const char* body;
  } const cases[] = {
      {"GET", "/metrics", 200, "a_metric 1\n"},
      {"HEAD", "/metrics", 200, "a_metric 1\n"},
      {"GET", "/healthz", 200, "ok\n"},
      {"GET", "/readyz", 200, "ok\n"},
      {"GET", "/config", 200, "listen: x\n"},
      {"GET", "/loglevel", 200, "info\n"},
      {"GET", "/status.json", 200, "{}"},
      {"GET", "/nothing", 404, all},
      {"GET", "/metrics/", 404, all},
      {"PUT", "/nothing", 404, all},
      {"POST", "/metrics", 405, "only GET, HEAD\n"},
      {"PUT", "/config", 405, "only GET, HEAD\n"},
      {"DELETE", "/healthz", 405, "only GET, HEAD\n"},
      {"POST", "/loglevel", 405, "only GET, HEAD, PUT\n"},
      {"OPTIONS", "/loglevel", 405, "only GET, HEAD, PUT\n"},
  };
  for (const auto& c : cases) {
    const AdminResponse response = Send(c.method, c.path);
    EXPECT_EQ(response.status, c.status) << c.method << " " << c.path;
    EXPECT_EQ(response.body, c.body) << c.method << " " << c.path;
    EXPECT_EQ(response.allow,
              c.status == 405 ? response.body.substr(5, response.body.size() - 6) : "")
        << c.method << " " << c.path;
  }
}

TEST_F(HandleAdminRequestTest, IsLiveButNotReadyWhileDraining) {
  not_ready_because_ = "shutting down";
  EXPECT_EQ(Send("GET", "/healthz").status, 200u);
  const AdminResponse ready = Send("GET", "/readyz");
  EXPECT_EQ(ready.status, 503u);
  EXPECT_EQ(ready.body, "shutting down\n");
}

TEST_F(HandleAdminRequestTest, ChangesLogLevelOnPutOnly) {
  for (const char* method : {"GET", "HEAD", "POST", "DELETE"}) {
    Send(method, "/loglevel", "debug");
    EXPECT_EQ(level_, "info") << method;
  }
  for (const char* body : {"", "loud", "DEBUG", "debug debug", "0123456789abcdefg"}) {
    EXPECT_EQ(Send("PUT", "/loglevel", body).status, 400u) << body;
    EXPECT_EQ(level_, "info") << body;
  }
  EXPECT_EQ(Send("PUT", "/loglevel", "debug\n").body, "debug\n");
  EXPECT_EQ(level_, "debug");
}

TEST_F(HandleAdminRequestTest, SetsContentTypes) {
  EXPECT_EQ(Send("GET", "/metrics").content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(Send("GET", "/status.json").content_type, "application/json");
  EXPECT_EQ(Send("GET", "/").content_type, "text/html; charset=utf-8");
  EXPECT_EQ(Send("GET", "/config").content_type, "text/plain; charset=utf-8");
}

TEST_F(HandleAdminRequestTest, AllowsOnlyThePagesOwnScript) {
  const AdminResponse page = Send("GET", "/");
  EXPECT_THAT(page.body, HasSubstr("<!doctype html>"));
  EXPECT_THAT(page.content_security_policy, HasSubstr("default-src 'none'; connect-src 'self';"));
  EXPECT_THAT(page.content_security_policy, HasSubstr("script-src 'sha256-"));
  EXPECT_THAT(page.content_security_policy, HasSubstr("style-src 'sha256-"));
  EXPECT_THAT(page.content_security_policy, Not(HasSubstr("unsafe")));
  EXPECT_EQ(Send("GET", "/config").content_security_policy,
            "default-src 'none'; frame-ancestors 'none'");
}

}  // namespace
}  // namespace evalrun::admin
