// SPDX-License-Identifier: Apache-2.0
//
// Which attempts and lookups make an event: one for each cause, not for each attempt.
#include "service/observability/upstream_reporter.h"

#include <chrono>
#include <memory>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>
#include <spdlog/sinks/ostream_sink.h>

namespace evalrun::observability {
namespace {

using namespace std::chrono_literals;
using deletion::Fault;
using ::testing::HasSubstr;

class UpstreamReporterTest : public ::testing::Test {
 protected:
  UpstreamReporterTest() { logger_->set_pattern("%v"); }

  // The events that an attempt adds.
  std::string Fail(Fault fault, const std::string& text, int proxy_status = 0) {
    deletion::AttemptResult result;
    result.fault = fault;
    result.fault_text = text;
    result.fault_address = "10.0.0.1:443";
    result.proxy_status = proxy_status;
    text_.str("");
    reporter_.OnAttemptDone(result, now_);
    return text_.str();
  }
  std::string Refused() { return Fail(Fault::kConnect, "Connection refused"); }
  std::string Expired() { return Fail(Fault::kTls, "certificate has expired"); }
  std::string Respond() {
    deletion::AttemptResult result;
    result.http_status = 500;
    text_.str("");
    reporter_.OnAttemptDone(result, now_);
    return text_.str();
  }
  std::string LookUp(const std::string& error, std::size_t known_addresses = 1) {
    text_.str("");
    reporter_.OnLookup("api.test", error, known_addresses, now_);
    return text_.str();
  }
  [[nodiscard]] bool IsResolved() const {
    return prometheus::TextSerializer()
               .Serialize(registry_.Collect())
               .find("gateway_upstream_name_resolved 1\n") != std::string::npos;
  }

  std::ostringstream text_;
  std::shared_ptr<spdlog::logger> logger_ = std::make_shared<spdlog::logger>(
      "events", std::make_shared<spdlog::sinks::ostream_sink_mt>(text_, /*force_flush=*/true));
  EventLog events_{logger_};
  prometheus::Registry registry_;
  UpstreamReporter reporter_{&registry_, &events_};
  UpstreamReporter::TimePoint now_{1h};
};

TEST_F(UpstreamReporterTest, SaysWhyAndWhere) {
  EXPECT_THAT(Refused(), HasSubstr(R"("level":"warning","event":"upstream_unreachable",)"
                                   R"("what":"UPSTREAM_CONNECT_FAILED","address":"10.0.0.1:443",)"
                                   R"("reason":"Connection refused"})"));
  EXPECT_THAT(Expired(), HasSubstr(R"("what":"UPSTREAM_TLS_FAILED")"));
  EXPECT_THAT(Fail(Fault::kResolve, "Name or service not known"),
              HasSubstr(R"("what":"UPSTREAM_RESOLVE_FAILED")"));
  EXPECT_THAT(Fail(Fault::kProxyRefused, "the proxy responded 407 to CONNECT", 407),
              HasSubstr(R"("what":"UPSTREAM_PROXY_REFUSED")"));
  EXPECT_THAT(Fail(Fault::kProtocol, "the response is not HTTP"),
              HasSubstr(R"("what":"UPSTREAM_PROTOCOL_ERROR")"));
}

TEST_F(UpstreamReporterTest, ReportsEachCauseOnceUntilTheUpstreamResponds) {
  EXPECT_NE(Refused(), "");
  EXPECT_EQ(Refused(), "");
  EXPECT_NE(Expired(), "");
  EXPECT_EQ(Refused(), "");
  now_ += 1h;
  EXPECT_EQ(Refused(), "");
  EXPECT_EQ(Expired(), "");
  EXPECT_THAT(Respond(), HasSubstr(R"("level":"info","event":"upstream_reachable"})"));
  EXPECT_EQ(Respond(), "");
  EXPECT_NE(Refused(), "");
}

TEST_F(UpstreamReporterTest, ReportsACauseAtMostOnceAMinute) {
  EXPECT_NE(Refused(), "");
  EXPECT_NE(Respond(), "");
  now_ += 59s;
  EXPECT_EQ(Refused(), "");
  EXPECT_EQ(Respond(), "") << "no event has said that it was unreachable";
  EXPECT_EQ(Refused(), "");
  now_ += 1s;
  EXPECT_NE(Refused(), "");
}

TEST_F(UpstreamReporterTest, BoundsTheNumberOfCauses) {
  int events = 0;
  for (int i = 0; i < 1000; ++i) {
    if (!Fail(Fault::kTls, "certificate of host " + std::to_string(i)).empty()) ++events;
  }
  EXPECT_EQ(events, 16);
  now_ += 1min;
  EXPECT_NE(Fail(Fault::kTls, "certificate of another host"), "");
}

TEST_F(UpstreamReporterTest, IgnoresWhatSaysLittleAboutTheUpstream) {
  for (const Fault fault : {Fault::kTimeout, Fault::kConnectionLost, Fault::kTooLarge}) {
    EXPECT_EQ(Fail(fault, "text"), "");
  }
  EXPECT_EQ(Respond(), "");
}

TEST_F(UpstreamReporterTest, ReportsChangesOfLookups) {
  EXPECT_TRUE(IsResolved());
  EXPECT_EQ(LookUp(""), "");
  EXPECT_THAT(LookUp("Temporary failure in name resolution", 2),
              HasSubstr(R"("level":"warning","event":"upstream_lookup_failed","name":"api.test",)"
                        R"("known_addresses":"2",)"
                        R"("reason":"Temporary failure in name resolution"})"));
  EXPECT_FALSE(IsResolved());
  EXPECT_EQ(LookUp("Temporary failure in name resolution"), "");
  EXPECT_EQ(LookUp("Name or service not known"), "") << "within a minute";
  now_ += 1min;
  EXPECT_THAT(LookUp("Name or service not known"), HasSubstr("Name or service not known"));
  EXPECT_THAT(
      LookUp(""),
      HasSubstr(R"("level":"info","event":"upstream_lookup_succeeded","name":"api.test"})"));
  EXPECT_TRUE(IsResolved());
}

}  // namespace
}  // namespace evalrun::observability
