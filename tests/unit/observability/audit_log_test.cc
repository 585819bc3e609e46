// SPDX-License-Identifier: Apache-2.0
//
// The fields of the audit log are a contract, and lost lines are always reported.
#include "service/observability/audit_log.h"

#include <signal.h>
#include <sys/resource.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <prometheus/text_serializer.h>
#include <spdlog/sinks/ostream_sink.h>

namespace evalrun::observability {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

nlohmann::ordered_json ParseLine(const CallRecord& record) {
  std::string buffer;
  return nlohmann::ordered_json::parse(
      FormatAuditLine(record, std::chrono::system_clock::time_point(), &buffer));
}

std::vector<std::string> FieldNames(const CallRecord& record) {
  std::vector<std::string> names;
  const nlohmann::ordered_json line = ParseLine(record);
  for (const auto& [name, value] : line.items()) names.push_back(name);
  return names;
}

TEST(AuditLineTest, WritesAllFieldsOfACompleteRecord) {
  EXPECT_THAT(
      FieldNames({.request_id = "r",
                  .trace_id = "t",
                  .peer = "ipv4:10.0.0.1:40000",
                  .caller = "c",
                  .eval_run_uuid = "e",
                  .workspace_uuid = "w",
                  .upstream_key = "k",
                  .authorization = authz::AccessDecision::kAllowed,
                  .code = absl::StatusCode::kNotFound,
                  .reason = "R",
                  .certainty = deletion::Certainty::kAbsent,
                  .attempts = 1,
                  .upstream_request_id = "u"}),
      ElementsAre("time", "level", "event", "request_id", "trace_id", "network.peer.address",
                  "network.peer.port", "caller", "rpc.method", "eval_run_uuid", "workspace_uuid",
                  "authorization", "upstream_key", "rpc.response.status_code", "reason", "deletion",
                  "sends", "upstream_request_id"));
}

TEST(AuditLineTest, WritesFieldsOfAMalformedCall) {
  EXPECT_THAT(
      FieldNames({.request_id = "r", .code = absl::StatusCode::kOk}),
      ElementsAre("time", "level", "event", "request_id", "network.peer.address", "caller",
                  "rpc.method", "eval_run_uuid", "rpc.response.status_code", "deletion", "sends"));
}

TEST(AuditLineTest, WritesCallerTargetAndResult) {
  const auto line = ParseLine({.request_id = "r-1",
                               .caller = "metadata:team-a",
                               .eval_run_uuid = "run",
                               .workspace_uuid = "w",
                               .authorization = authz::AccessDecision::kDenied,
                               .code = absl::StatusCode::kPermissionDenied,
                               .reason = "CALLER_NOT_ALLOWED"});
  EXPECT_EQ(line.at("event"), "audit");
  EXPECT_EQ(line.at("request_id"), "r-1");
  EXPECT_EQ(line.at("caller"), "metadata:team-a");
  EXPECT_EQ(line.at("eval_run_uuid"), "run");
  EXPECT_EQ(line.at("workspace_uuid"), "w");
  EXPECT_EQ(line.at("authorization"), "denied");
  EXPECT_EQ(line.at("rpc.response.status_code"), "PERMISSION_DENIED");
  EXPECT_EQ(line.at("reason"), "CALLER_NOT_ALLOWED");
  EXPECT_EQ(line.at("deletion"), "not_performed");
}

TEST(AuditLineTest, IntentHasTheFieldsThatAreKnownBeforeTheFirstAttempt) {
  std::string buffer;
  const auto line = nlohmann::ordered_json::parse(
      FormatIntentLine({.request_id = "r",
                        .trace_id = "t",
                        .peer = "ipv4:10.0.0.1:40000",
                        .caller = "c",
                        .eval_run_uuid = "e",
                        .workspace_uuid = "w",
                        .upstream_key = "k",
                        .authorization = authz::AccessDecision::kAllowed},
                       std::chrono::system_clock::time_point(), &buffer));
  std::vector<std::string> names;
  for (const auto& [name, value] : line.items()) names.push_back(name);
  EXPECT_THAT(
      names, ElementsAre("time", "level", "event", "request_id", "trace_id", "network.peer.address",
                         "network.peer.port", "caller", "rpc.method", "eval_run_uuid",
                         "workspace_uuid", "authorization", "upstream_key"));
  EXPECT_EQ(line.at("event"), "audit_intent");
}

class AuditLogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "audit_log.XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    path_ = folder_ / "audit.log";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<AuditLog> Open(const std::string& to) {
    auto log = AuditLog::Open({.to = to}, nullptr, &registry_, &events_);
    EXPECT_TRUE(log.ok()) << log.status();
    return *std::move(log);
  }

  double Metric(const std::string& metric) {
    const std::string text = prometheus::TextSerializer().Serialize(registry_.Collect());
    const std::string name = "\n" + metric + " ";
    return std::stod(text.substr(text.find(name) + name.size()));
  }

  std::filesystem::path folder_;
  std::string path_;
  prometheus::Registry registry_;
  std::ostringstream output_;
  EventLog events_{[this] {
    auto sink = std::make_shared<spdlog::sinks::ostream_sink_st>(output_);
    sink->set_pattern("%v");
    return std::make_shared<spdlog::logger>("events", sink);
  }()};
};

TEST_F(AuditLogTest, CountsAndLogsLinesLostToAFullDisk) {
  // No file of this process may grow.
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit full{.rlim_cur = 0, .rlim_max = before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &full);
  const auto log = Open(path_);
  for (int i = 0; i < 3; ++i) log->Write({.request_id = "r"}, {});
  while (Metric("gateway_audit_lines_dropped_total") < 3) {
    log->ReportDroppedLines();
    std::this_thread::yield();
  }
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(Metric("gateway_audit_lines_dropped_total"), 3);
  EXPECT_THAT(output_.str(), HasSubstr("\"event\":\"audit_lines_lost\",\"lines\":\""));
  EXPECT_THAT(output_.str(), HasSubstr("\"level\":\"error\""));
  const std::string said = output_.str();
  log->ReportDroppedLines();
  EXPECT_EQ(output_.str(), said) << "reported only once";
}

TEST_F(AuditLogTest, LinesInAFileThatWasMovedAreNotLost) {
  const auto log = Open(path_);
  std::filesystem::rename(path_, path_ + ".1");
  std::filesystem::create_directory(path_);
  log->RunMaintenance(false);
  log->Write({.request_id = "r"}, {});
  while (std::filesystem::file_size(path_ + ".1") == 0) std::this_thread::yield();
  log->RunMaintenance(false);
  EXPECT_EQ(Metric("gateway_audit_lines_dropped_total"), 0);
  EXPECT_EQ(Metric("gateway_audit_file_unavailable"), 1);
}

// The path cannot be opened anew, and the file that was moved away is deleted: lines go nowhere.
TEST_F(AuditLogTest, CountsLinesInADeletedFileAsLost) {
  const auto log = Open(path_);
  log->RunMaintenance(false);
  std::filesystem::rename(path_, path_ + ".1");
  std::filesystem::create_directory(path_);
  log->RunMaintenance(false);
  EXPECT_EQ(Metric("gateway_audit_file_unavailable"), 1);
  EXPECT_THAT(output_.str(), HasSubstr("audit_file_lost"));

  std::filesystem::remove(path_ + ".1");
  for (int i = 0; i < 2; ++i) log->Write({.request_id = "r"}, {});
  while (Metric("gateway_audit_lines_dropped_total") < 2) {
    log->RunMaintenance(false);
    std::this_thread::yield();
  }
  EXPECT_THAT(output_.str(), HasSubstr("\"event\":\"audit_lines_lost\""));

  std::filesystem::remove(path_);
  log->RunMaintenance(false);
  EXPECT_EQ(Metric("gateway_audit_file_unavailable"), 0);
  log->Write({.request_id = "r"}, {});
  while (std::filesystem::file_size(path_) == 0) std::this_thread::yield();
  log->RunMaintenance(false);
  EXPECT_EQ(Metric("gateway_audit_lines_dropped_total"), 2);
}

// What became of the line of an intent; waits for it.
bool WriteIntent(AuditLog* log) {
  std::promise<bool> written;
  log->OnIntents([&](const std::vector<LineReceipt>& receipts) {
    ASSERT_EQ(receipts.size(), 1u);
    EXPECT_EQ(receipts[0].id, 7u);
    written.set_value(receipts[0].written);
  });
  log->WriteIntent({.request_id = "r"}, {}, 7);
  return written.get_future().get();
}

TEST_F(AuditLogTest, IntentsAreInTheFileWhenTheyAreReportedAsWritten) {
  const auto log = Open(path_);
  EXPECT_TRUE(WriteIntent(log.get()));
  std::ifstream file(path_);
  std::string line;
  std::getline(file, line);
  EXPECT_EQ(nlohmann::json::parse(line).at("event"), "audit_intent");
}

TEST_F(AuditLogTest, IntentsAreNotWrittenToAFullDisk) {
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  // A whole line does not fit either.
  for (const rlim_t limit : {0, 50}) {
    const rlimit full{.rlim_cur = limit, .rlim_max = before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &full);
    const auto log = Open(path_);
    EXPECT_FALSE(WriteIntent(log.get()));
    setrlimit(RLIMIT_FSIZE, &before);
    EXPECT_TRUE(WriteIntent(log.get())) << "there is space again";
    std::filesystem::remove(path_);
  }
}

TEST_F(AuditLogTest, IntentsInADeletedFileAreNotWritten) {
  const auto log = Open(path_);
  std::filesystem::remove(path_);
  EXPECT_FALSE(WriteIntent(log.get()));
  log->RunMaintenance(false);
  EXPECT_TRUE(WriteIntent(log.get()));
}

// The file is deleted, and replaced while lines are written.
TEST_F(AuditLogTest, IntentsThatWereWrittenAreNotInTheDeletedFile) {
  constexpr std::size_t kIntents = 20;
  const auto log = Open(path_);
  std::set<std::uint64_t> written;  // the writer's thread only, until all receipts are there
  std::atomic<std::size_t> receipts_left = 0;
  log->OnIntents([&](const std::vector<LineReceipt>& receipts) {
    for (const LineReceipt& receipt : receipts) {
      if (receipt.written) written.insert(receipt.id);
    }
    receipts_left -= receipts.size();
  });
  for (std::size_t turn = 0; turn < 200; ++turn) {
    std::filesystem::remove(path_);
    written.clear();
    receipts_left = kIntents;
    std::thread maintenance([&log] { log->RunMaintenance(false); });
    for (std::size_t i = 0; i < kIntents; ++i) {
      log->WriteIntent({.request_id = std::to_string(i)}, {}, i);
      std::this_thread::yield();
    }
    maintenance.join();
    while (receipts_left > 0) std::this_thread::yield();

    std::ifstream lines(path_);
    for (std::string line; std::getline(lines, line);) {
      const auto fields = nlohmann::json::parse(line);
      written.erase(std::stoull(fields.at("request_id").get<std::string>()));
    }
    ASSERT_EQ(written.size(), 0u) << "in turn " << turn;
  }
}

TEST_F(AuditLogTest, IntentsInAFileThatWasMovedAreWritten) {
  const auto log = Open(path_);
  EXPECT_TRUE(WriteIntent(log.get()));
  std::filesystem::rename(path_, path_ + ".1");
  EXPECT_TRUE(WriteIntent(log.get()));
  log->RunMaintenance(false);
  EXPECT_TRUE(WriteIntent(log.get()));
}

TEST_F(AuditLogTest, ReportsAtTheEndWhatIsLostAfterTheLastMaintenance) {
  const auto log = Open(path_);
  log->RunMaintenance(false);
  std::filesystem::remove(path_);
  for (int i = 0; i < 2; ++i) log->Write({.request_id = "r"}, {});
  EXPECT_TRUE(log->Close());
  EXPECT_EQ(Metric("gateway_audit_lines_dropped_total"), 2);
  EXPECT_THAT(output_.str(), HasSubstr("\"event\":\"audit_lines_lost\""));
  EXPECT_FALSE(std::filesystem::exists(path_)) << "no file is made at the end";
}

TEST_F(AuditLogTest, ReopensTheFileByItself) {
  const auto log = Open(path_);
  log->StartMaintenance();
  std::filesystem::rename(path_, path_ + ".1");
  while (!std::filesystem::exists(path_)) std::this_thread::yield();
  EXPECT_TRUE(log->Close());
  EXPECT_THAT(output_.str(), HasSubstr("audit_file_opened"));
}

TEST_F(AuditLogTest, WritesNothingWhenOff) {
  const auto log = Open("off");
  log->Write({.request_id = "r"}, {});
  log->StartMaintenance();
  log->RequestReopen();
  log->RunMaintenance(true);
  log->ReportDroppedLines();
  EXPECT_TRUE(log->Close());
  EXPECT_EQ(Metric("gateway_audit_lines_dropped_total"), 0);
  EXPECT_EQ(output_.str(), "");
}

TEST_F(AuditLogTest, OpenFailsWhenFileCannotBeOpened) {
  EXPECT_FALSE(AuditLog::Open({.to = "/proc/missing/audit"}, nullptr, &registry_, &events_).ok());
}

}  // namespace
}  // namespace evalrun::observability
