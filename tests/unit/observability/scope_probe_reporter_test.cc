// SPDX-License-Identifier: Apache-2.0
//
// When a probe is reported: each by the metric, and an API key that may not list by an event, once.
#include "service/observability/scope_probe_reporter.h"

#include <memory>
#include <sstream>
#include <string>

#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>
#include <spdlog/sinks/ostream_sink.h>

namespace evalrun::observability {
namespace {

using namespace std::chrono_literals;
using deletion::ProbeClassification;
using deletion::ScopeStatus;

constexpr ProbeClassification kProven = {.status = ScopeStatus::kProven};
constexpr ProbeClassification kMissing = {.status = ScopeStatus::kMissing};
constexpr ProbeClassification kUnverifiable = {};
constexpr ProbeClassification kForbidden = {.is_forbidden = true};

class ScopeProbeReporterTest : public ::testing::Test {
 protected:
  ScopeProbeReporterTest() { logger_->set_pattern("%l %v"); }

  // How many events a probe adds.
  int Report(const authz::UpstreamKey& key, const ProbeClassification& result) {
    text_.str("");
    reporter_.OnProbeDone(key, result, now_);
    int lines = 0;
    for (const char c : text_.str()) lines += c == '\n' ? 1 : 0;
    return lines;
  }
  int Report(const ProbeClassification& result) { return Report(key_, result); }

  [[nodiscard]] bool HasSeries(const std::string& result, int count) const {
    const std::string text = prometheus::TextSerializer().Serialize(registry_.Collect());
    return text.find("gateway_scope_probes_total{result=\"" + result + "\"} " +
                     std::to_string(count) + "\n") != std::string::npos;
  }

  std::ostringstream text_;
  std::shared_ptr<spdlog::logger> logger_ = std::make_shared<spdlog::logger>(
      "events", std::make_shared<spdlog::sinks::ostream_sink_mt>(text_, /*force_flush=*/true));
  EventLog events_{logger_};
  prometheus::Registry registry_;
  ScopeProbeReporter reporter_{&registry_, &events_};
  ScopeProbeReporter::TimePoint now_{1h};
  const authz::UpstreamKey key_{"a-key", "secret"};
};

TEST_F(ScopeProbeReporterTest, CountsProbesByResult) {
  for (const char* result : {"proven", "missing", "unverifiable", "forbidden"}) {
    EXPECT_TRUE(HasSeries(result, 0)) << result;
  }
  Report(kProven);
  for (int i = 0; i < 2; ++i) Report(kMissing);
  for (int i = 0; i < 3; ++i) Report(kUnverifiable);
  for (int i = 0; i < 4; ++i) Report(kForbidden);
  EXPECT_TRUE(HasSeries("proven", 1));
  EXPECT_TRUE(HasSeries("missing", 2));
  EXPECT_TRUE(HasSeries("unverifiable", 3));
  EXPECT_TRUE(HasSeries("forbidden", 4));
}

TEST_F(ScopeProbeReporterTest, EventNamesKeyAndSettingAndNoSecret) {
  EXPECT_EQ(Report(kForbidden), 1);
  const std::string line = text_.str();
  EXPECT_NE(line.find("error"), std::string::npos) << line;
  EXPECT_NE(line.find("absence_check_forbidden"), std::string::npos) << line;
  EXPECT_NE(line.find(R"("upstream_key":"a-key")"), std::string::npos) << line;
  EXPECT_NE(line.find(R"("setting":"upstream.verify_absence")"), std::string::npos) << line;
  EXPECT_EQ(line.find("secret"), std::string::npos) << line;
}

TEST_F(ScopeProbeReporterTest, ReportsAForbiddenKeyOnce) {
  EXPECT_EQ(Report(kProven), 0);
  EXPECT_EQ(Report(kForbidden), 1);
  now_ += 1h;
  EXPECT_EQ(Report(kUnverifiable), 0) << "which says nothing about the key";
  EXPECT_EQ(Report(kForbidden), 0);
}

TEST_F(ScopeProbeReporterTest, ReportsItAgainAfterItWasAllowed) {
  for (const ProbeClassification& allowed : {kProven, kMissing}) {
    EXPECT_EQ(Report(kForbidden), 1);
    Report(allowed);
    now_ += 1min;
  }
}

TEST_F(ScopeProbeReporterTest, ReportsEachKeyAtMostOnceAMinute) {
  EXPECT_EQ(Report(kForbidden), 1);
  now_ += 59s;
  Report(kProven);
  EXPECT_EQ(Report(kForbidden), 0);
  EXPECT_EQ(Report(authz::UpstreamKey("another", "secret"), kForbidden), 1);
  now_ += 1s;
  EXPECT_EQ(Report(kForbidden), 1) << "what was not reported then";
}

TEST_F(ScopeProbeReporterTest, ReportsAKeyThatWasReplacedByAForbiddenOne) {
  EXPECT_EQ(Report(kForbidden), 1);
  now_ += 1min;
  EXPECT_EQ(Report(authz::UpstreamKey("a-key", "another"), kForbidden), 1);
}

}  // namespace
}  // namespace evalrun::observability
