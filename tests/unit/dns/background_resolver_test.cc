// SPDX-License-Identifier: Apache-2.0
//
// With lookups that the test controls. Real name servers: tests/name_server.
#include "rest_backend/dns/background_resolver.h"

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace evalrun::dns {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr auto kTimeout = 20s;

// A name server that responds when the test says so. Shared, because a lookup may outlive its
// resolver.
class ScriptedLookups {
 public:
  LookupResult LookUp() {
    std::unique_lock lock(mutex_);
    ++begun_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return next_.has_value(); });
    LookupResult result = *std::exchange(next_, std::nullopt);
    ++ended_;
    changed_.notify_all();
    return result;
  }

  bool WaitForBegun(int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kTimeout, [&] { return begun_ >= count; });
  }
  void Respond(LookupResult result) {
    std::unique_lock lock(mutex_);
    next_ = std::move(result);
    changed_.notify_all();
    changed_.wait_for(lock, kTimeout, [this] { return !next_.has_value(); });
  }
  // Called after each lookup.
  void OnLookup() {
    const std::lock_guard lock(mutex_);
    ++reported_;
    changed_.notify_all();
  }
  bool WaitForReported(int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kTimeout, [&] { return reported_ >= count; });
  }
  int begun() {
    const std::lock_guard lock(mutex_);
    return begun_;
  }
  int reported() {
    const std::lock_guard lock(mutex_);
    return reported_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<LookupResult> next_;
  int begun_ = 0;
  int ended_ = 0;
  int reported_ = 0;
};

class BackgroundResolverTest : public ::testing::Test {
 protected:
  void Start(std::chrono::milliseconds refresh_interval) {
    resolver_ = std::make_unique<BackgroundResolver>(
        BackgroundResolver::Options{
            .host = "name",
            .refresh_interval = refresh_interval,
            .look_up = [lookups = lookups_](const std::string&) { return lookups->LookUp(); }},
        [lookups = lookups_.get()] { lookups->OnLookup(); });
  }
  void Respond(const LookupResult& result, int count) {
    ASSERT_TRUE(lookups_->WaitForBegun(count));
    lookups_->Respond(result);
    ASSERT_TRUE(lookups_->WaitForReported(count));
  }

  const std::shared_ptr<ScriptedLookups> lookups_ = std::make_shared<ScriptedLookups>();
  std::unique_ptr<BackgroundResolver> resolver_;
};

TEST_F(BackgroundResolverTest, NothingIsKnownBeforeTheFirstResponse) {
  Start(1h);
  EXPECT_EQ(resolver_->host(), "name");
  ASSERT_TRUE(lookups_->WaitForBegun(1));
  EXPECT_EQ(resolver_->Current(), nullptr);
  EXPECT_EQ(resolver_->WaitForFirst(1ms), nullptr);
  EXPECT_TRUE(resolver_->RequestLookup()) << "one is under way";
  lookups_->Respond({.addresses = {"10.0.0.1", "::1"}, .error = ""});
  const auto resolution = resolver_->WaitForFirst(kTimeout);
  ASSERT_NE(resolution, nullptr);
  EXPECT_THAT(resolution->addresses, ElementsAre("10.0.0.1", "::1"));
  EXPECT_EQ(resolution->error, "");
}

TEST_F(BackgroundResolverTest, LastKnownAddressesOutliveFailures) {
  Start(0ms);  // that is, every second
  Respond({.addresses = {"10.0.0.1"}, .error = ""}, 1);
  Respond({.addresses = {}, .error = "Name or service not known"}, 2);
  const auto resolution = resolver_->Current();
  EXPECT_THAT(resolution->addresses, ElementsAre("10.0.0.1"));
  EXPECT_EQ(resolution->error, "Name or service not known");
  Respond({.addresses = {"10.0.0.2"}, .error = ""}, 3);
  EXPECT_THAT(resolver_->Current()->addresses, ElementsAre("10.0.0.2"));
  EXPECT_EQ(resolver_->Current()->error, "");
}

TEST_F(BackgroundResolverTest, FailureBeforeTheFirstSuccessHasNoAddresses) {
  Start(1h);
  Respond({.addresses = {}, .error = "Temporary failure in name resolution"}, 1);
  EXPECT_THAT(resolver_->Current()->addresses, IsEmpty());
  EXPECT_EQ(resolver_->Current()->error, "Temporary failure in name resolution");
}

TEST_F(BackgroundResolverTest, RequestedLookupBeginsAfterTheMinimumInterval) {
  Start(1h);
  Respond({.addresses = {"10.0.0.1"}, .error = ""}, 1);
  const auto ended = std::chrono::steady_clock::now();
  EXPECT_FALSE(resolver_->RequestLookup()) << "it does not begin at once";
  ASSERT_TRUE(lookups_->WaitForBegun(2));
  EXPECT_GE(std::chrono::steady_clock::now() - ended, 900ms);
  EXPECT_TRUE(resolver_->RequestLookup());
  Respond({.addresses = {"10.0.0.2"}, .error = ""}, 2);
  EXPECT_THAT(resolver_->Current()->addresses, ElementsAre("10.0.0.2"));
}

TEST_F(BackgroundResolverTest, DestructorDoesNotWaitForALookup) {
  Start(1h);
  ASSERT_TRUE(lookups_->WaitForBegun(1));
  resolver_ = nullptr;  // the lookup has no response yet: this would never return
  lookups_->Respond({.addresses = {"10.0.0.1"}, .error = ""});
  EXPECT_EQ(lookups_->reported(), 0) << "its observer may be gone";
  EXPECT_EQ(lookups_->begun(), 1);
}

TEST(LookUpTest, FindsTheAddressesOfThisMachine) {
  const LookupResult result = LookUp("127.0.0.1");
  EXPECT_THAT(result.addresses, ElementsAre("127.0.0.1"));
  EXPECT_EQ(result.error, "");
}

TEST(LookUpTest, SaysWhyItFailed) {
  // Longer than a name may be: no name server is asked.
  const LookupResult result = LookUp(std::string(300, 'x'));
  EXPECT_THAT(result.addresses, IsEmpty());
  EXPECT_NE(result.error, "");
}

}  // namespace
}  // namespace evalrun::dns
