// What libcurl refuses to begin. Transfers over real sockets: tests/integration/gateway.
#include "rest_backend/http/http_client.h"

#include <chrono>
#include <string>
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
    may_have_been_sent = may_have_been_sent || result.may_have_been_sent;
  }

  std::vector<Fault> faults;
  bool may_have_been_sent = false;
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
