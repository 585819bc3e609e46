// SPDX-License-Identifier: Apache-2.0
//
// Reloading the protected runs: a wrong file keeps the old list, and is reported.
#include "service/reload/protected_runs_reloader.h"

#include <sys/stat.h>

#include <chrono>
#include <fstream>
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

namespace evalrun::reload {
namespace {

using evalrun::testing::ConfigFile;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kA[] = "aaaaaaaa-0000-4000-8000-000000000000";
constexpr char kB[] = "bbbbbbbb-0000-4000-8000-000000000000";

class ProtectedRunsReloaderTest : public ::testing::Test {
 protected:
  ProtectedRunsReloaderTest() {
    reloader_.OnReload(
        [this](const ProtectedRunsReloader::List& list) { applied_.push_back(list->size()); });
  }

  void Start() { ASSERT_TRUE(reloader_.Start(file_.path(), Now()).ok()); }

  // Long after all changes.
  static std::chrono::system_clock::time_point Now() {
    return std::chrono::system_clock::now() + std::chrono::hours(1);
  }

  void Check(int times) {
    for (int i = 0; i < times; ++i) reloader_.CheckForChanges(Now());
  }

  [[nodiscard]] bool IsProtected(const char* id) const { return reloader_.current()->Contains(id); }

  // The reasons of failures since the last time.
  std::vector<std::string> Failures() {
    std::vector<std::string> reasons;
    std::istringstream lines(output_.str());
    output_.str("");
    for (std::string line; std::getline(lines, line);) {
      const auto event = nlohmann::json::parse(line);
      EXPECT_EQ(event.value("event", ""), "config_reload_failed");
      reasons.push_back(event.value("reason", ""));
    }
    return reasons;
  }

  std::string Metrics() { return prometheus::TextSerializer().Serialize(registry_.Collect()); }
  void ExpectLastReload(int successful) {
    EXPECT_THAT(Metrics(), HasSubstr("gateway_config_last_reload_successful " +
                                     std::to_string(successful) + "\n"));
  }

  ConfigFile file_{std::string(kA) + "\n"};
  std::ostringstream output_;
  observability::EventLog events_{[this] {
    auto sink = std::make_shared<spdlog::sinks::ostream_sink_st>(output_);
    sink->set_pattern("%v");
    return std::make_shared<spdlog::logger>("events", sink);
  }()};
  prometheus::Registry registry_;
  observability::ConfigMetrics metrics_{&registry_};
  std::vector<std::size_t> applied_;
  ProtectedRunsReloader reloader_{/*opaque_ids=*/false, &events_, &metrics_};
};

TEST_F(ProtectedRunsReloaderTest, StartsWithTheFileOrNotAtAll) {
  EXPECT_TRUE(reloader_.Start("", Now()).ok());
  EXPECT_EQ(reloader_.current(), nullptr);
  Check(3);
  reloader_.Reload(Now());
  EXPECT_THAT(applied_, IsEmpty());

  Start();
  EXPECT_TRUE(IsProtected(kA));
  file_.Replace("x\n");
  ProtectedRunsReloader wrong(/*opaque_ids=*/false, &events_, &metrics_);
  EXPECT_THAT(std::string(wrong.Start(file_.path(), Now()).message()),
              HasSubstr(file_.path() + ":1: \"x\" must be a UUID"));
}

TEST_F(ProtectedRunsReloaderTest, LoadsAChangedFileOnceItHasSettled) {
  Start();
  Check(3);
  EXPECT_THAT(applied_, IsEmpty());
  file_.Replace(std::string(kA) + "\n" + kB + "\n");
  Check(1);
  EXPECT_THAT(applied_, IsEmpty()) << "it may still be being written";
  Check(2);
  EXPECT_THAT(applied_, ElementsAre(2));
  EXPECT_TRUE(IsProtected(kB));
  ExpectLastReload(1);
  EXPECT_THAT(Metrics(), HasSubstr("gateway_config_reloads_total{result=\"success\"} 1\n"));
}

TEST_F(ProtectedRunsReloaderTest, AFileWrittenInPlaceIsNoticed) {
  Start();
  Check(2);
  std::ofstream(file_.path()) << kB << "\n";  // of the same size
  Check(2);
  EXPECT_TRUE(IsProtected(kB));
  EXPECT_FALSE(IsProtected(kA));
}

TEST_F(ProtectedRunsReloaderTest, AChangeWithinTheResolutionOfTheTimesIsNoticed) {
  struct stat before {};
  ASSERT_EQ(stat(file_.path().c_str(), &before), 0);
  const auto changed_at =
      std::chrono::system_clock::time_point(std::chrono::seconds(before.st_ctim.tv_sec));
  const auto just_after = changed_at + std::chrono::milliseconds(1000);
  ASSERT_TRUE(reloader_.Start(file_.path(), just_after).ok());
  Check(3);
  EXPECT_THAT(applied_, IsEmpty()) << "it was read again, and is the same";
}

TEST_F(ProtectedRunsReloaderTest, AWrongFileKeepsTheOldListAndIsReportedOnce) {
  Start();
  Check(2);
  file_.Replace(std::string(kB) + "\nx\n");
  Check(5);
  EXPECT_TRUE(IsProtected(kA));
  EXPECT_FALSE(IsProtected(kB));
  EXPECT_THAT(applied_, IsEmpty());
  EXPECT_THAT(Failures(),
              ElementsAre(HasSubstr("protected_runs_file: " + file_.path() + ":2: \"x\"")));
  ExpectLastReload(0);
  metrics_.OnReload(true);  // of the configuration
  ExpectLastReload(0);
  reloader_.Reload(Now());
  EXPECT_THAT(Failures(), ElementsAre(HasSubstr(":2:"))) << "an operator has asked";

  file_.Replace(std::string(kA) + "\n");
  Check(3);
  ExpectLastReload(1);
  EXPECT_THAT(applied_, IsEmpty()) << "it is the list that is in force";
  metrics_.OnReload(false);
  ExpectLastReload(0);
}

TEST_F(ProtectedRunsReloaderTest, BlankAndMissingFilesProtectWhatTheyDid) {
  Start();
  Check(2);
  file_.Replace("");
  Check(3);
  EXPECT_THAT(Failures(), ElementsAre(HasSubstr("is blank")));
  std::filesystem::remove(file_.path());
  Check(4);
  EXPECT_THAT(Failures(), ElementsAre(HasSubstr("cannot read")));
  EXPECT_TRUE(IsProtected(kA));
  file_.Replace(std::string(kB) + "\n");
  Check(3);
  EXPECT_TRUE(IsProtected(kB));
  ExpectLastReload(1);
}

TEST_F(ProtectedRunsReloaderTest, AnotherPathIsLoadedAtOnceAndKeepsTheOldListAfterAnError) {
  EXPECT_TRUE(reloader_.Start("", Now()).ok());
  reloader_.SetPath(file_.path(), Now());
  EXPECT_TRUE(IsProtected(kA));
  EXPECT_THAT(applied_, IsEmpty()) << "whoever set the path applies it";
  const ConfigFile wrong("x\n");
  reloader_.SetPath(wrong.path(), Now());
  EXPECT_THAT(Failures(), ElementsAre(HasSubstr(wrong.path() + ":1:")));
  EXPECT_TRUE(IsProtected(kA));
  ExpectLastReload(0);
  wrong.Replace(std::string(kB) + "\n");
  Check(3);
  EXPECT_TRUE(IsProtected(kB));
  EXPECT_THAT(applied_, ElementsAre(1));
}

}  // namespace
}  // namespace evalrun::reload
