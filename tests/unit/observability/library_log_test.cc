// SPDX-License-Identifier: Apache-2.0
//
// Whatever a library logs is an event, and not too many of them.
#include "service/observability/library_log.h"

#include <memory>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>
#include <spdlog/sinks/ostream_sink.h>

#include "tests/unit/observability/library_lines.h"

namespace evalrun::observability {
namespace {

using evalrun::testing::LogGrpcError;
using evalrun::testing::LogProtobufWarning;
using ::testing::HasSubstr;
using ::testing::internal::CaptureStderr;
using ::testing::internal::GetCapturedStderr;

class LibraryLogTest : public ::testing::Test {
 protected:
  void SetUp() override { LibraryLog::SetLevel(spdlog::level::info); }

  std::size_t CountEvents() const {
    std::size_t count = 0;
    for (const char c : output_.str()) count += c == '\n' ? 1 : 0;
    return count;
  }

  prometheus::Registry registry_;
  std::ostringstream output_;
  EventLog events_{[this] {
    auto sink = std::make_shared<spdlog::sinks::ostream_sink_st>(output_);
    sink->set_pattern("%v");
    return std::make_shared<spdlog::logger>("events", sink);
  }()};
  LibraryLog log_{&events_, &registry_};
};

TEST_F(LibraryLogTest, ProtobufLinesAreEventsWithABound) {
  CaptureStderr();
  for (int i = 0; i < 100; ++i) LogProtobufWarning("invalid \xff UTF-8");
  EXPECT_EQ(GetCapturedStderr(), "");
  EXPECT_EQ(CountEvents(), 1u);
  EXPECT_THAT(output_.str(), HasSubstr(R"("level":"warning","event":"protobuf_library")"));
  EXPECT_THAT(output_.str(), HasSubstr(R"("suppressed":"0")"));
}

TEST_F(LibraryLogTest, GrpcErrorsAreEventsWithABoundForEachPlace) {
  CaptureStderr();
  for (int i = 0; i < 100; ++i) LogGrpcError(1, "one");
  for (int i = 0; i < 100; ++i) LogGrpcError(2, "two");
  EXPECT_EQ(GetCapturedStderr(), "");
  EXPECT_EQ(CountEvents(), 2u);
}

TEST_F(LibraryLogTest, FailedHandshakesAreCountedAndWrittenByCause) {
  const auto fail = [](const char* reason) {
    LogGrpcError(1, std::string("Handshake failed with fatal error SSL_ERROR_SSL: error:0A::") +
                        reason + ".");
  };
  for (int i = 0; i < 100; ++i) fail("http request");
  for (int i = 0; i < 10; ++i) fail("peer did not return a certificate");
  EXPECT_EQ(CountEvents(), 2u);
  EXPECT_THAT(output_.str(),
              HasSubstr(R"("level":"warning","event":"tls_handshake_failed","cause":"not_tls")"));
  const std::string metrics = prometheus::TextSerializer().Serialize(registry_.Collect());
  EXPECT_THAT(metrics, HasSubstr("gateway_tls_handshake_failures_total{cause=\"not_tls\"} 100\n"));
  EXPECT_THAT(
      metrics,
      HasSubstr("gateway_tls_handshake_failures_total{cause=\"no_client_certificate\"} 10\n"));
  EXPECT_THAT(metrics, HasSubstr("gateway_tls_handshake_failures_total{cause=\"other\"} 0\n"));
}

TEST_F(LibraryLogTest, EachPeerOfFailedHandshakesHasItsOwnEvents) {
  LibraryLog::Peer peer;
  log_.SetFindHandshakePeer([&peer](const auto& found) { found(peer); });
  for (const char* host : {"192.0.2.1", "192.0.2.2", "192.0.2.1"}) {
    const std::string address = std::string("ipv4:") + host + ":5000";
    peer = {.address = address, .host = host};
    LogGrpcError(1, "Handshake failed with fatal error SSL_ERROR_SSL: error:0A::http request.");
  }
  EXPECT_EQ(CountEvents(), 2u);
  EXPECT_THAT(output_.str(), HasSubstr(R"("peer":"ipv4:192.0.2.1:5000")"));
  EXPECT_THAT(output_.str(), HasSubstr(R"("peer":"ipv4:192.0.2.2:5000")"));
}

}  // namespace
}  // namespace evalrun::observability
