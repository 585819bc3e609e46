// SPDX-License-Identifier: Apache-2.0
//
// A real Redis behaves like AcquireFromStore(), uses its own clock, and recovers from failures.
#include "service/ratelimit/redis_store.h"

#include <signal.h>

#include <array>
#include <chrono>
#include <mutex>
#include <ostream>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "service/ratelimit/lease_thread.h"
#include "tests/support/redis_process.h"
#include "tests/support/scripted_upstream.h"
#include "tests/support/scripts.h"

namespace evalrun::service {
namespace {

using namespace std::chrono_literals;
using evalrun::testing::CloseWithoutResponse;
using evalrun::testing::RedisProcess;
using evalrun::testing::ScriptedUpstream;
using evalrun::testing::UpstreamConnection;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Clock = std::chrono::steady_clock;

constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kHour = std::int64_t{3600} * 1000 * kMs;

ratelimit::LeaseRequest Request(std::string key, const ratelimit::Quota& quota, std::uint32_t spent,
                                std::uint32_t requested) {
  return {.key = std::move(key),
          .quota = ratelimit::MakeStoreQuota(quota, 10),
          .spent = spent,
          .requested = requested};
}

// The number of granted calls, or the error message.
std::string Acquire(ratelimit::RedisStore* store, const ratelimit::LeaseRequest& request) {
  const std::array requests = {&request};
  std::array<std::uint32_t, 1> granted{};
  const absl::Status status = store->Acquire(requests, granted);
  return status.ok() ? std::to_string(granted[0]) : std::string(status.message());
}

class RedisStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!RedisProcess::IsInstalled()) GTEST_SKIP() << "redis-server is not installed";
    signal(SIGPIPE, SIG_IGN);
    redis_.emplace();
  }

  ratelimit::RedisOptions Options() const { return {.host = "127.0.0.1", .port = redis_->port()}; }

  std::optional<RedisProcess> redis_;
};

TEST_F(RedisStoreTest, GrantsMatchAcquireFromStore) {
  ratelimit::RedisStore store(Options());
  std::mt19937 random(7);
  const auto pick = [&random](int most) {
    return static_cast<std::uint32_t>(std::uniform_int_distribution<int>(0, most)(random));
  };
  // One call per hour: the time that the test takes does not change any grant.
  for (int key = 0; key < 40; ++key) {
    const ratelimit::Quota quota{
        .interval = kHour + static_cast<std::int64_t>(pick(1'000'000)) * 1000,
        .burst = 1 + pick(200)};
    const std::string name = "rule:subject " + std::to_string(key);
    std::int64_t tat = 0;
    for (int i = 0; i < 25; ++i) {
      const ratelimit::LeaseRequest request =
          Request(name, quota, pick(i % 5 == 0 ? 300 : 3), pick(50));
      const std::uint32_t expected = ratelimit::AcquireFromStore(request.quota, &tat, /*now=*/1,
                                                                 request.spent, request.requested);
      ASSERT_EQ(Acquire(&store, request), std::to_string(expected)) << name << ", request " << i;
    }
  }
}

TEST_F(RedisStoreTest, AnswersBatchInOrder) {
  ratelimit::RedisStore store(Options());
  const ratelimit::Quota quota{.interval = kHour, .burst = 5};
  std::vector<ratelimit::LeaseRequest> requests;
  for (std::uint32_t i = 0; i < 100; ++i) {
    requests.push_back(Request("k" + std::to_string(i % 50), quota, 0, 1 + i % 4));
  }
  std::vector<const ratelimit::LeaseRequest*> pointers;
  for (const ratelimit::LeaseRequest& request : requests) pointers.push_back(&request);
  std::vector<std::uint32_t> granted(requests.size());
  ASSERT_TRUE(store.Acquire(pointers, granted).ok());
  for (std::uint32_t i = 0; i < 50; ++i) {
    EXPECT_EQ(granted[i], 1 + i % 4);
    EXPECT_EQ(granted[i + 50], std::min(1 + (i + 50) % 4, 5 - granted[i]));
  }
}

TEST_F(RedisStoreTest, ReplenishesByRedisClockAndExpiresKeys) {
  ratelimit::RedisStore store(Options());
  const ratelimit::Quota quota{.interval = 10 * kMs, .burst = 20};
  const auto start = Clock::now();
  ASSERT_EQ(Acquire(&store, Request("k", quota, 0, 100)), "20");
  std::this_thread::sleep_for(100ms);
  const int granted = std::stoi(Acquire(&store, Request("k", quota, 0, 100)));
  const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start);
  EXPECT_GE(granted, 10);
  EXPECT_LE(granted, std::min<std::int64_t>(20, passed.count() / 10 + 1));
  EXPECT_EQ(redis_->Command({"EXISTS", "evalrun:k"}), "1");
  std::this_thread::sleep_for(250ms);
  EXPECT_EQ(redis_->Command({"EXISTS", "evalrun:k"}), "0") << "the key expired";
}

TEST_F(RedisStoreTest, WorksWithLeastPrivilegeUser) {
  // As documented in README.md.
  ASSERT_EQ(redis_->Command({"ACL", "SETUSER", "evalrun", "on", ">s3cret-password", "~evalrun:*",
                             "+evalsha", "+script|load", "+time", "+get", "+set"}),
            "OK");
  ASSERT_EQ(redis_->Command({"ACL", "SETUSER", "default", "off"}), "OK");
  const ratelimit::LeaseRequest request = Request("k", {.interval = kHour, .burst = 5}, 0, 3);
  ratelimit::RedisOptions options = Options();
  ratelimit::RedisStore nobody(options);
  EXPECT_THAT(Acquire(&nobody, request), HasSubstr("NOAUTH"));

  options.username = "evalrun";
  std::string password = "another-password";
  options.password = [&password] { return password; };
  ratelimit::RedisStore store(options);
  EXPECT_THAT(Acquire(&store, request), HasSubstr("WRONGPASS"));
  EXPECT_THAT(Acquire(&store, request), Not(HasSubstr("another-password")));
  password = "s3cret-password";
  EXPECT_EQ(Acquire(&store, request), "3");
  EXPECT_TRUE(store.Acquire({}, {}).ok()) << "the health check";

  options.key_prefix = "elsewhere:";
  ratelimit::RedisStore outside(options);
  EXPECT_THAT(Acquire(&outside, request), HasSubstr("NOPERM"));
}

// Whatever answers in place of our script.
TEST(RedisRepliesTest, NoMoreIsGrantedThanWasRequested) {
  for (const auto& [reply, granted] :
       {std::pair(":4294967296\r\n", "3"), std::pair(":99\r\n", "3"), std::pair(":2\r\n", "2"),
        std::pair(":-1\r\n", "0"), std::pair("$1\r\nx\r\n", "0")}) {
    ScriptedUpstream::Options options;
    options.on_connect = [reply = std::string(reply)](UpstreamConnection& connection) {
      connection.Write("$1\r\nh\r\n" + reply);  // the script's hash, and what it returns
      connection.WaitForPeerToClose();
    };
    ScriptedUpstream redis(CloseWithoutResponse(), options);
    ratelimit::RedisStore store({.host = "127.0.0.1", .port = redis.port()});
    EXPECT_EQ(Acquire(&store, Request("k", {.interval = kHour, .burst = 5}, 0, 3)), granted)
        << reply;
  }
}

TEST_F(RedisStoreTest, UnreadablePasswordIsAnError) {
  ratelimit::RedisOptions options = Options();
  options.password = []() -> absl::StatusOr<std::string> {
    return absl::NotFoundError("no such file");
  };
  ratelimit::RedisStore store(options);
  EXPECT_EQ(Acquire(&store, Request("k", {.interval = kHour, .burst = 5}, 0, 3)), "no such file");
}

TEST_F(RedisStoreTest, RecoversFromOutOfMemory) {
  ratelimit::RedisStore store(Options());
  const ratelimit::LeaseRequest request = Request("k", {.interval = kHour, .burst = 50}, 0, 1);
  ASSERT_EQ(Acquire(&store, request), "1");
  ASSERT_EQ(redis_->Command({"CONFIG", "SET", "maxmemory", "1"}), "OK");
  EXPECT_THAT(Acquire(&store, request), HasSubstr("OOM"));
  ASSERT_EQ(redis_->Command({"CONFIG", "SET", "maxmemory", "0"}), "OK");
  EXPECT_EQ(Acquire(&store, request), "1");
}

// What responds to PING, and grants nothing.
struct Refusal {
  const char* name;
  std::vector<std::string> begin;
  std::vector<std::string> end;
  const char* error;
};

void PrintTo(const Refusal& refusal, std::ostream* os) { *os << refusal.name; }

class RefusedWriteTest : public RedisStoreTest, public ::testing::WithParamInterface<Refusal> {};

TEST_P(RefusedWriteTest, StoreIsDownUntilItGrantsAgain) {
  ratelimit::RedisStore store(Options());
  const ratelimit::LeaseRequest request = Request("k", {.interval = kHour, .burst = 50}, 0, 1);
  ASSERT_EQ(Acquire(&store, request), "1");
  ASSERT_EQ(redis_->Command(GetParam().begin), "OK");
  EXPECT_THAT(Acquire(&store, request), HasSubstr(GetParam().error));
  EXPECT_THAT(std::string(store.Acquire({}, {}).message()), HasSubstr(GetParam().error));
  EXPECT_EQ(redis_->Command({"PING"}), "PONG");

  // With calls and without, it is reported once.
  std::mutex mutex;
  std::vector<std::string> changes;
  ratelimit::LeaseMailbox mailbox;
  const ratelimit::LeaseThread thread(&mailbox, &store, [&](const absl::Status& state) {
    const std::lock_guard lock(mutex);
    changes.emplace_back(state.ok() ? "up" : std::string(state.message()));
  });
  const auto call = [&] {
    if (ratelimit::LeaseRequest* slot = mailbox.requests.FreeSlot(); slot != nullptr) {
      *slot = request;
      mailbox.requests.Push();
      mailbox.Notify();
    }
    if (mailbox.responses.Front() != nullptr) mailbox.responses.Pop();
    std::this_thread::sleep_for(10ms);
  };
  const auto end = Clock::now() + 3s;
  while (Clock::now() < end) {
    if (Clock::now() + 1500ms < end) call();
  }
  {
    const std::lock_guard lock(mutex);
    EXPECT_THAT(changes, ElementsAre(HasSubstr(GetParam().error)));
  }
  ASSERT_EQ(redis_->Command(GetParam().end), "OK");
  const auto deadline = Clock::now() + 20s;
  const auto is_up = [&] {
    const std::lock_guard lock(mutex);
    return changes.back() == "up";
  };
  while (!is_up() && Clock::now() < deadline) std::this_thread::sleep_for(10ms);
  EXPECT_TRUE(is_up());
}

INSTANTIATE_TEST_SUITE_P(
    Redis, RefusedWriteTest,
    ::testing::Values(
        // With `replica-read-only yes`, its default: as after a failover.
        Refusal{"Replica", {"REPLICAOF", "127.0.0.1", "1"}, {"REPLICAOF", "NO", "ONE"}, "READONLY"},
        Refusal{"OutOfMemory",
                {"CONFIG", "SET", "maxmemory", "1"},
                {"CONFIG", "SET", "maxmemory", "0"},
                "OOM"},
        Refusal{"TooFewReplicas",
                {"CONFIG", "SET", "min-replicas-to-write", "1"},
                {"CONFIG", "SET", "min-replicas-to-write", "0"},
                "NOREPLICAS"},
        Refusal{"NoPermission",
                {"ACL", "SETUSER", "default", "-set"},
                {"ACL", "SETUSER", "default", "+set"},
                "on @user_script"}),  // the rest differs between Redis 7 and 8
    [](const auto& param) { return std::string(param.param.name); });

TEST_F(RedisStoreTest, TimesOutAndRecovers) {
  ratelimit::RedisOptions options = Options();
  options.timeout = 50ms;
  ratelimit::RedisStore store(options);
  const ratelimit::LeaseRequest request = Request("k", {.interval = kHour, .burst = 50}, 0, 1);
  ASSERT_EQ(Acquire(&store, request), "1");
  redis_->Pause();
  for (int i = 0; i < 2; ++i) {  // on the old connection, then on a new one
    const auto start = Clock::now();
    EXPECT_EQ(Acquire(&store, request), "it does not respond in time");
    EXPECT_LT(Clock::now() - start, 2s);
  }
  redis_->Resume();
  EXPECT_EQ(Acquire(&store, request), "1");
}

TEST_F(RedisStoreTest, RestartedRedisStartsWithFullBurst) {
  ratelimit::RedisStore store(Options());
  const ratelimit::LeaseRequest request = Request("k", {.interval = kHour, .burst = 5}, 0, 9);
  ASSERT_EQ(Acquire(&store, request), "5");
  ASSERT_EQ(Acquire(&store, request), "0");
  redis_->Kill();
  EXPECT_THAT(Acquire(&store, request), Not(::testing::MatchesRegex("[0-9]*")));
  EXPECT_THAT(Acquire(&store, request), HasSubstr("refused"));
  redis_->Start();
  EXPECT_EQ(Acquire(&store, request), "5") << "a full burst again";
}

TEST_F(RedisStoreTest, ReloadsFlushedScript) {
  ratelimit::RedisStore store(Options());
  const ratelimit::LeaseRequest request = Request("k", {.interval = kHour, .burst = 5}, 0, 1);
  ASSERT_EQ(Acquire(&store, request), "1");
  ASSERT_EQ(redis_->Command({"SCRIPT", "FLUSH"}), "OK");
  EXPECT_THAT(Acquire(&store, request), HasSubstr("NOSCRIPT"));
  EXPECT_EQ(Acquire(&store, request), "1");
}

}  // namespace
}  // namespace evalrun::service
