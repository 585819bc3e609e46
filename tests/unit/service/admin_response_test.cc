// What the admin port answers.
#include "service/admin/admin_response.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace evalrun::service {
namespace {

AdminSources Sources(std::string not_ready_because) {
  return {.metrics = [] { return std::string("a_metric 1\n"); },
          .not_ready_because = [=] { return not_ready_because; }};
}

TEST(RespondTest, AnswersByPath) {
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
      {"GET", "/", 404, "try /metrics, /healthz or /readyz\n"},
      {"GET", "/metrics/", 404, "try /metrics, /healthz or /readyz\n"},
      {"POST", "/metrics", 405, "only GET and HEAD\n"},
      {"DELETE", "/healthz", 405, "only GET and HEAD\n"},
  };
  for (const auto& c : cases) {
    const AdminResponse response = Respond(c.method, c.path, Sources(""));
    EXPECT_EQ(response.status, c.status) << c.method << " " << c.path;
    EXPECT_EQ(response.body, c.body) << c.method << " " << c.path;
    EXPECT_EQ(response.allow, c.status == 405 ? "GET, HEAD" : "") << c.method << " " << c.path;
  }
}

TEST(RespondTest, WhileItLeavesItIsAliveButNotReady) {
  const AdminSources sources = Sources("shutting down");
  EXPECT_EQ(Respond("GET", "/healthz", sources).status, 200u);
  const AdminResponse ready = Respond("GET", "/readyz", sources);
  EXPECT_EQ(ready.status, 503u);
  EXPECT_EQ(ready.body, "shutting down\n");
}

TEST(RespondTest, MetricsSayTheirFormat) {
  EXPECT_EQ(Respond("GET", "/metrics", Sources("")).content_type,
            "text/plain; version=0.0.4; charset=utf-8");
}

}  // namespace
}  // namespace evalrun::service
