// SPDX-License-Identifier: Apache-2.0
//
// Reloading certificates: what is applied, what stays, and what is reported.
#include "service/reload/certificate_reloader.h"

#include <algorithm>
#include <new>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>

#include "tests/support/config_file.h"
#include "tests/support/descriptor_limit.h"
#include "tests/unit/tls/test_authority.h"

namespace evalrun::reload {
namespace {

using evalrun::testing::ConfigFile;
using evalrun::testing::DescriptorLimit;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// A certificate authority's, until 2126.
constexpr char kCertificate[] = R"(-----BEGIN CERTIFICATE-----
MIIBijCCAS+gAwIBAgIUXaEHW1oVvJpvlDh4tOqo53JYoA4wCgYIKoZIzj0EAwIw
GTEXMBUGA1UEAwwOdGVzdCBhdXRob3JpdHkwIBcNMjYxMTI5MTQ1NDU5WhgPMjEy
NjExMDUxNDU0NTlaMBkxFzAVBgNVBAMMDnRlc3QgYXV0aG9yaXR5MFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAEOkF1lOOTkSOYC4d2hgtYBJPOK9bJ38rnfQoZrNjb
MY4KUSk399BC3IW9KxjamuSJ1bgOn0++5N7MSefXPC2gMKNTMFEwHQYDVR0OBBYE
FJalOv08HoUBXYxUJW3lJvm4Ap7FMB8GA1UdIwQYMBaAFJalOv08HoUBXYxUJW3l
Jvm4Ap7FMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSQAwRgIhALohq8oj
3mrOiS28TXWWia+JZCLN+QghbZr08TlKJIJ9AiEA3CLmkFYPuwb4zAjjlfMUMxLC
NoX3sUADZU5QNk39kQY=
-----END CERTIFICATE-----
)";

constexpr std::chrono::system_clock::time_point kNow{std::chrono::seconds(1'000'000'000)};

class CertificateReloaderTest : public ::testing::Test {
 protected:
  CertificateReloaderTest() {
    EXPECT_TRUE(Add("test", file_).ok());
    applied_.clear();
  }

  absl::Status Add(const std::string& name, const ConfigFile& file) {
    const auto apply = [this, name](const http::TlsMaterial& material) {
      if (throws_) throw std::bad_alloc();
      if (!error_.ok()) return error_;
      applied_.push_back(name + ": " + material.ca_certificates);
      return absl::OkStatus();
    };
    return certificates_.Add(name, {.certificate = "", .key = "", .authorities = file.path()},
                             apply, kNow);
  }

  void Check(int times) {
    for (int i = 0; i < times; ++i) certificates_.CheckForChanges(kNow);
  }

  // The events since the last time, without their times.
  std::vector<std::string> Events() {
    std::vector<std::string> events;
    std::istringstream lines(output_.str());
    output_.str("");
    for (std::string line; std::getline(lines, line);) {
      const auto event = nlohmann::json::parse(line);
      events.push_back(event.value("event", "") + " " + event.value("set", "") +
                       (event.contains("reason") ? ": " + event.value("reason", "") : ""));
    }
    return events;
  }

  std::string Metrics() { return prometheus::TextSerializer().Serialize(registry_.Collect()); }

  static std::string Reloads(const std::string& result, int count) {
    return "gateway_credential_reloads_total{credential=\"test\",result=\"" + result + "\"} " +
           std::to_string(count) + "\n";
  }

  ConfigFile file_{kCertificate};
  std::string renewed_ = std::string("renewed\n") + kCertificate;  // text between is ignored
  bool throws_ = false;
  absl::Status error_;
  std::vector<std::string> applied_;
  std::ostringstream output_;
  observability::EventLog events_{[this] {
    auto sink = std::make_shared<spdlog::sinks::ostream_sink_st>(output_);
    sink->set_pattern("%v");
    return std::make_shared<spdlog::logger>("events", sink);
  }()};
  prometheus::Registry registry_;
  observability::CredentialMetrics metrics_{&registry_};
  CertificateReloader certificates_{&events_, &metrics_};
};

TEST_F(CertificateReloaderTest, AppliesAChangeOnce) {
  file_.Replace(renewed_);
  Check(5);
  EXPECT_THAT(applied_, ElementsAre("test: " + renewed_));
  EXPECT_THAT(Events(), ElementsAre("certificates_reloaded test"));
  EXPECT_THAT(Metrics(), HasSubstr(Reloads("succeeded", 1)));
}

TEST_F(CertificateReloaderTest, ExposesWhetherTheLastReloadSucceeded) {
  constexpr char kGauge[] = "gateway_credential_last_reload_successful{credential=\"test\"} ";
  EXPECT_THAT(Metrics(), HasSubstr(std::string(kGauge) + "1\n")) << "it was loaded at the start";
  file_.Replace("no certificate");
  Check(5);
  EXPECT_THAT(Metrics(), HasSubstr(std::string(kGauge) + "0\n"));
  file_.Replace(kCertificate);
  Check(5);
  EXPECT_THAT(Metrics(), HasSubstr(std::string(kGauge) + "1\n"));
}

TEST_F(CertificateReloaderTest, ReportsInvalidFilesOnce) {
  file_.Replace("no certificate");
  Check(5);
  EXPECT_THAT(applied_, IsEmpty());
  EXPECT_THAT(Events(), ElementsAre(HasSubstr("certificates_reload_failed test: ")));
  EXPECT_THAT(Metrics(), HasSubstr(Reloads("failed", 1)));
}

TEST_F(CertificateReloaderTest, RetriesWhatCouldNotBeAppliedAndReportsItOnce) {
  error_ = absl::ResourceExhaustedError("no descriptor");
  file_.Replace(renewed_);
  Check(4);
  EXPECT_THAT(Events(), ElementsAre("certificates_reload_failed test: no descriptor"));
  EXPECT_THAT(Metrics(), HasSubstr(Reloads("failed", 3))) << "each retry is counted";
  EXPECT_THAT(applied_, IsEmpty());

  error_ = absl::ResourceExhaustedError("no memory");
  Check(2);
  EXPECT_THAT(Events(), ElementsAre("certificates_reload_failed test: no memory"));

  error_ = absl::OkStatus();
  Check(3);
  EXPECT_THAT(applied_, ElementsAre("test: " + renewed_));
  EXPECT_THAT(Events(), ElementsAre("certificates_reloaded test"));
  EXPECT_THAT(Metrics(), HasSubstr(Reloads("succeeded", 1)));
}

TEST_F(CertificateReloaderTest, ExceptionIsAFailureThatIsRetried) {
  throws_ = true;
  file_.Replace(renewed_);
  Check(4);
  EXPECT_THAT(Events(), ElementsAre("certificates_reload_failed test: std::bad_alloc"));
  EXPECT_THAT(Metrics(), HasSubstr(Reloads("failed", 3)));
  throws_ = false;
  Check(1);
  EXPECT_THAT(applied_, ElementsAre("test: " + renewed_));
}

TEST_F(CertificateReloaderTest, FailureOfOneSetDoesNotStopAnother) {
  const ConfigFile other(kCertificate);
  ASSERT_TRUE(Add("other", other).ok());
  applied_.clear();
  file_.Replace("no certificate");
  other.Replace(renewed_);
  Check(3);
  EXPECT_THAT(applied_, ElementsAre("other: " + renewed_));
}

TEST_F(CertificateReloaderTest, KeepsOldCertificatesWithoutDescriptorsAndRecovers) {
  file_.Replace(renewed_);
  {
    const DescriptorLimit limit(0);
    Check(5);
  }
  EXPECT_THAT(applied_, IsEmpty());
  EXPECT_THAT(Events(), ElementsAre(HasSubstr("Too many open files")));
  EXPECT_THAT(Metrics(), HasSubstr(Reloads("failed", 1)));
  Check(3);
  EXPECT_THAT(applied_, ElementsAre("test: " + renewed_));
}

TEST_F(CertificateReloaderTest, ExpiryIsThatOfTheCertificatesInUse) {
  const std::string before = Metrics();
  ASSERT_THAT(before,
              HasSubstr("gateway_certificate_expiry_timestamp_seconds{certificate=\"test_ca\"}"));
  error_ = absl::ResourceExhaustedError("no descriptor");
  metrics_.SetExpiry("test_ca", kNow);
  file_.Replace(renewed_);
  Check(3);
  EXPECT_THAT(Metrics(), HasSubstr("{certificate=\"test_ca\"} 1000000000\n"));
  error_ = absl::OkStatus();
  Check(1);
  EXPECT_THAT(Metrics(), Not(HasSubstr("{certificate=\"test_ca\"} 1000000000\n")));
}

// A certificate and its key, which the gateway presents.
class PairReloaderTest : public CertificateReloaderTest {
 protected:
  using Clock = std::chrono::system_clock;

  std::string Issue(Clock::time_point from, Clock::time_point until) {
    return server_.IssuedBy(server_, {from, until}, /*is_authority=*/false);
  }

  absl::Status AddPair() {
    const auto apply = [this](const http::TlsMaterial& material) {
      applied_.push_back(material.certificate_chain);
      return absl::OkStatus();
    };
    return certificates_.Add(
        "pair", {.certificate = certificate_.path(), .key = key_.path(), .authorities = ""}, apply,
        kNow);
  }

  const evalrun::testing::TestIdentity server_{"server"};
  const std::string current_ = Issue(kNow - std::chrono::hours(1), kNow + std::chrono::hours(9));
  const ConfigFile certificate_{current_};
  const ConfigFile key_{server_.PrivateKey()};
};

TEST_F(PairReloaderTest, CertificateThatIsNotValidYetReplacesTheOldOneWhenItIs) {
  ASSERT_TRUE(AddPair().ok());
  const auto from = kNow + std::chrono::hours(2);
  const std::string later = Issue(from, kNow + std::chrono::hours(20));
  certificate_.Replace(later);
  Check(5);
  EXPECT_THAT(applied_, ElementsAre(current_));
  EXPECT_THAT(Events(), ElementsAre(HasSubstr("is not valid before 2001-09-09T03:46:40Z")));
  certificates_.Reload(kNow);  // as by SIGHUP
  EXPECT_EQ(std::ranges::count(applied_, later), 0);

  certificates_.CheckForChanges(from - std::chrono::seconds(1));
  EXPECT_EQ(std::ranges::count(applied_, later), 0);
  certificates_.CheckForChanges(from);
  EXPECT_EQ(applied_.back(), later);
  const std::size_t count = applied_.size();
  certificates_.CheckForChanges(from + std::chrono::seconds(1));
  EXPECT_EQ(applied_.size(), count) << "once";
}

TEST_F(PairReloaderTest, ADeferredCertificateIsForgottenWhenAnotherOneIsApplied) {
  ASSERT_TRUE(AddPair().ok());
  const auto from = kNow + std::chrono::hours(2);
  certificate_.Replace(Issue(from, kNow + std::chrono::hours(20)));
  Check(3);
  const std::string other = Issue(kNow - std::chrono::hours(2), kNow + std::chrono::hours(30));
  certificate_.Replace(other);
  Check(3);
  certificates_.CheckForChanges(from);
  EXPECT_THAT(applied_, ElementsAre(current_, other));
}

// There is no other certificate.
TEST_F(PairReloaderTest, CertificateThatIsNotValidYetIsUsedAtTheStart) {
  certificate_.Replace(Issue(kNow + std::chrono::hours(2), kNow + std::chrono::hours(20)));
  EXPECT_TRUE(AddPair().ok());
  EXPECT_EQ(applied_.size(), 1u);
  EXPECT_THAT(Events(), ElementsAre("certificate_not_valid_yet pair"));
}

TEST_F(PairReloaderTest, ReportsExpiredCertificatesThatNobodyNeeds) {
  const evalrun::testing::TestIdentity other("other");
  certificate_.Replace(current_ + other.IssuedBy(other, {kNow - std::chrono::hours(9),
                                                         kNow - std::chrono::hours(1)}));
  EXPECT_TRUE(AddPair().ok());
  EXPECT_THAT(Events(), ElementsAre("expired_certificates_ignored pair"));
}

}  // namespace
}  // namespace evalrun::reload
