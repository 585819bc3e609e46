// SPDX-License-Identifier: Apache-2.0
//
// Loading anew: what is applied, what is refused, and what is said about it.
#include "service/reload/reloader.h"

#include <new>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
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
using ::testing::Not;

constexpr std::chrono::system_clock::time_point kNow{std::chrono::seconds(1000)};

// A gateway that was started with a file, as far as its configuration goes.
class ReloaderTest : public ::testing::Test {
 protected:
  Reloader::Loaders Loaders() {
    return {
        .config = [this] { return Load(); },
        .keys =
            [this](const config::v1::GatewayConfig& running) {
              return config::LoadKeys(running, {{"AYMARA_AI_API_KEY", key_}}, files_.MakeReader());
            }};
  }

  config::LoadResult Load() {
    const std::string flag = "--config=" + file_.path();
    const std::vector<const char*> argv = {"evalrun-gateway", flag.c_str()};
    return config::LoadConfig(static_cast<int>(argv.size()), argv.data(),
                              {{"AYMARA_AI_API_KEY", key_}}, files_.MakeReader());
  }

  // The events since the last time, without their times.
  std::vector<std::string> Events() {
    std::vector<std::string> events;
    std::istringstream lines(output_.str());
    output_.str("");
    for (std::string line; std::getline(lines, line);) {
      const auto event = nlohmann::json::parse(line);
      std::string text = event.value("event", "");
      for (const char* field : {"reason", "settings"}) {
        if (event.contains(field)) text += ": " + event.value(field, "");
      }
      events.push_back(text);
    }
    return events;
  }

  std::string Metrics() { return prometheus::TextSerializer().Serialize(registry_.Collect()); }

  ConfigFile file_{"log: {level: info}\n"};
  std::string key_ = "test-key";
  config::WatchedFiles files_;
  std::ostringstream output_;
  observability::EventLog events_{[this] {
    auto sink = std::make_shared<spdlog::sinks::ostream_sink_st>(output_);
    sink->set_pattern("%v");
    return std::make_shared<spdlog::logger>("events", sink);
  }()};
  prometheus::Registry registry_;
  observability::ConfigMetrics metrics_{&registry_};
  Reloader reloader_{std::get<config::LoadedConfig>(Load()), Loaders(), &files_, &events_,
                     &metrics_};
};

TEST_F(ReloaderTest, AppliesAChangeOnceStableBetweenChecks) {
  std::vector<config::v1::Log::Level> applied;
  reloader_.OnReload([&](const auto& next) { applied.push_back(next.config.log().level()); });
  reloader_.CheckForChanges(kNow);
  file_.Replace("log: {level: ");  // somebody is writing it
  reloader_.CheckForChanges(kNow);
  file_.Replace("log: {level: debug}\n");
  reloader_.CheckForChanges(kNow);
  EXPECT_THAT(applied, IsEmpty());
  reloader_.CheckForChanges(kNow);
  EXPECT_THAT(applied, ElementsAre(config::v1::Log::LEVEL_DEBUG));
  reloader_.CheckForChanges(kNow);
  reloader_.CheckForChanges(kNow);
  EXPECT_THAT(Events(), ElementsAre("config_reloaded"));
  EXPECT_THAT(Metrics(), HasSubstr("gateway_config_reloads_total{result=\"success\"} 1\n"));
  EXPECT_THAT(Metrics(), HasSubstr("gateway_config_last_load_success_timestamp_seconds 1000\n"));
}

TEST_F(ReloaderTest, KeepsOldConfigAndLogsOnceWhenLoadFails) {
  int applied = 0;
  reloader_.OnReload([&](const auto& next) {
    if (next.config.log().level() == config::v1::Log::LEVEL_DEBUG) ++applied;
  });
  file_.Replace("log: {level: debug}\nretry: {max_attempts: 99, max_atempts: 1}\n");
  for (int i = 0; i < 5; ++i) reloader_.CheckForChanges(kNow);
  EXPECT_EQ(applied, 0);
  EXPECT_THAT(Events(), ElementsAre(::testing::AllOf(HasSubstr("config_reload_failed: "),
                                                     HasSubstr("retry.max_atempts"),
                                                     HasSubstr("; retry.max_attempts = \"99\""))));
  EXPECT_THAT(Metrics(), HasSubstr("gateway_config_reloads_total{result=\"failure\"} 1\n"));
  EXPECT_THAT(Metrics(), HasSubstr("gateway_config_reloads_total{result=\"success\"} 0\n"));
  EXPECT_THAT(Metrics(), HasSubstr("gateway_config_last_reload_successful 0\n"));

  file_.Replace("log: {level: debug}\n");
  for (int i = 0; i < 2; ++i) reloader_.CheckForChanges(kNow);
  EXPECT_EQ(applied, 1);
  EXPECT_THAT(Metrics(), HasSubstr("gateway_config_last_reload_successful 1\n"));
}

TEST_F(ReloaderTest, NoReloadIsNoFailure) {
  EXPECT_THAT(Metrics(), HasSubstr("gateway_config_last_reload_successful 1\n"));
}

TEST_F(ReloaderTest, RestoringTheOldFileEndsTheFailure) {
  file_.Replace("log: {level: loud}\n");
  for (int i = 0; i < 2; ++i) reloader_.CheckForChanges(kNow);
  EXPECT_THAT(Metrics(), HasSubstr("gateway_config_last_reload_successful 0\n"));
  file_.Replace("log: {level: info}\n");
  for (int i = 0; i < 2; ++i) reloader_.CheckForChanges(kNow);
  EXPECT_THAT(Metrics(), HasSubstr("gateway_config_last_reload_successful 1\n"));
}

TEST_F(ReloaderTest, KeepsOldConfigWhenFileIsMissingOrEmpty) {
  std::filesystem::remove(file_.path());
  for (int i = 0; i < 5; ++i) reloader_.CheckForChanges(kNow);
  EXPECT_THAT(Events(), ElementsAre(HasSubstr("No such file")));
  file_.Replace("\n");
  for (int i = 0; i < 5; ++i) reloader_.CheckForChanges(kNow);
  EXPECT_THAT(Events(), ElementsAre(HasSubstr("is blank")));
}

// The path may be anything for a while, as when a volume is mounted.
TEST_F(ReloaderTest, LoadsTheFileThatReplacesADirectory) {
  std::vector<config::v1::Log::Level> applied;
  reloader_.OnReload([&](const auto& next) { applied.push_back(next.config.log().level()); });
  std::filesystem::remove(file_.path());
  std::filesystem::create_directory(file_.path());
  for (int i = 0; i < 3; ++i) reloader_.CheckForChanges(kNow);
  EXPECT_THAT(Events(), ElementsAre(HasSubstr("it is a directory")));
  std::filesystem::remove(file_.path());
  file_.Replace("log: {level: debug}\n");
  for (int i = 0; i < 3; ++i) reloader_.CheckForChanges(kNow);
  EXPECT_THAT(Events(), ElementsAre("config_reloaded"));
  EXPECT_EQ(applied.back(), config::v1::Log::LEVEL_DEBUG);
}

// An error in one file must not keep the keys in others from being rotated.
TEST_F(ReloaderTest, ReloadsKeysAlthoughTheConfigurationIsBroken) {
  const ConfigFile key_file("first-key");
  const std::string config = "upstream: {api_key_file: " + key_file.path() + "}\n";
  file_.Replace(config);
  Reloader reloader(std::get<config::LoadedConfig>(Load()), Loaders(), &files_, &events_,
                    &metrics_);
  std::string key;
  config::v1::Log::Level level = config::v1::Log::LEVEL_UNSPECIFIED;
  reloader.OnReload([&](const auto& next) {
    key = next.api_key.RevealForSending();
    level = next.config.log().level();
  });
  file_.Replace(config + "log: {level: debug\n");
  for (int i = 0; i < 3; ++i) reloader.CheckForChanges(kNow);
  key_file.Replace("second-key");
  for (int i = 0; i < 3; ++i) reloader.CheckForChanges(kNow);
  EXPECT_EQ(key, "second-key");
  EXPECT_EQ(level, config::v1::Log::LEVEL_INFO);
  EXPECT_THAT(Events(),
              ElementsAre(HasSubstr("config_reload_failed"), HasSubstr("config_reload_failed")));
  key_file.Replace("not a key");
  for (int i = 0; i < 3; ++i) reloader.CheckForChanges(kNow);
  EXPECT_EQ(key, "second-key");
}

// Settings of a reload, and others of the start that wait for a restart, need not go together.
TEST_F(ReloaderTest, ReloadsKeysAfterAReloadThatNeedsARestart) {
  file_.Replace("limits: {redis: {address: 'redis:6379'}, replicas: 3}\n");
  Reloader reloader(std::get<config::LoadedConfig>(Load()), Loaders(), &files_, &events_,
                    &metrics_);
  std::string applied;
  reloader.OnReload([&](const auto& next) {
    applied = std::string(next.api_key.RevealForSending()) + " " +
              std::to_string(next.config.limits().replicas()) + " " +
              next.config.limits().redis().address();
  });
  file_.Replace("limits: {replicas: 1}\n");
  reloader.Reload(kNow);
  EXPECT_THAT(Events(),
              ElementsAre("config_reloaded", "config_restart_needed: limits.redis.address"));
  file_.Replace("limits: {replicas: one}\n");
  key_ = "new-key";
  reloader.Reload(kNow);
  EXPECT_EQ(applied, "new-key 1 redis:6379");
}

// A file that is copied slowly ends before its last sections for a while.
TEST_F(ReloaderTest, RemovesThePolicyOnlyWhenThatIsMeant) {
  const std::string rule = "authorization: {rules: [{identities: [dns:a], workspaces: ['*']}]}\n";
  std::string mode;
  reloader_.OnReload([&](const auto& next) { mode = next.access_policy.mode(); });
  file_.Replace(rule);
  reloader_.Reload(kNow);
  EXPECT_EQ(mode, "enforced");
  EXPECT_THAT(Events(), ElementsAre("config_reloaded"));

  file_.Replace("log: {level: debug}\n");
  for (int i = 0; i < 3; ++i) reloader_.CheckForChanges(kNow);
  EXPECT_EQ(mode, "enforced");
  reloader_.Reload(kNow);
  EXPECT_EQ(mode, "enforced") << "also when it is requested by SIGHUP";
  EXPECT_THAT(Events(), ElementsAre(HasSubstr("authorization.allow_all"),
                                    HasSubstr("authorization.allow_all")));

  file_.Replace("authorization: {allow_all: true}\n");
  reloader_.Reload(kNow);
  EXPECT_EQ(mode, "off");
  EXPECT_THAT(Events(), ElementsAre("config_reloaded"));
}

TEST_F(ReloaderTest, ReportsSettingsThatNeedARestart) {
  std::string max_attempts;
  reloader_.OnReload(
      [&](const auto& next) { max_attempts = std::to_string(next.config.retry().max_attempts()); });
  file_.Replace("retry: {max_attempts: 5}\nlisten: 127.0.0.1:1\n");
  reloader_.Reload(kNow);
  EXPECT_EQ(max_attempts, "3");
  EXPECT_THAT(Events(),
              ElementsAre("config_reloaded", "config_restart_needed: listen, retry.max_attempts"));
  EXPECT_THAT(Metrics(), HasSubstr("gateway_config_restart_needed 1\n"));

  file_.Replace("log: {level: info}\n");
  reloader_.Reload(kNow);
  EXPECT_THAT(Events(), ElementsAre("config_reloaded")) << "it is as it was at the start";
  EXPECT_THAT(Metrics(), HasSubstr("gateway_config_restart_needed 0\n"));
}

TEST_F(ReloaderTest, ExceptionIsAFailureThatIsReportedOnceAndRetried) {
  bool throws = true;
  int applied = 0;
  reloader_.OnReload([&](const auto&) {
    if (throws) throw std::bad_alloc();
    ++applied;
  });
  file_.Replace("log: {level: debug}\n");
  for (int i = 0; i < 4; ++i) reloader_.CheckForChanges(kNow);
  EXPECT_THAT(Events(), ElementsAre("config_reload_failed: std::bad_alloc"));
  EXPECT_THAT(Metrics(), HasSubstr("gateway_config_reloads_total{result=\"failure\"} 3\n"));
  throws = false;
  for (int i = 0; i < 3; ++i) reloader_.CheckForChanges(kNow);
  EXPECT_EQ(applied, 1);
  EXPECT_THAT(Events(), ElementsAre("config_reloaded"));
}

TEST_F(ReloaderTest, AppliesANewKeyWithoutLoggingIt) {
  std::string key;
  reloader_.OnReload([&](const auto& next) { key = next.api_key.RevealForSending(); });
  key_ = "another-secret-key";
  reloader_.Reload(kNow);
  EXPECT_EQ(key, "another-secret-key");
  const std::string all = output_.str();
  EXPECT_THAT(all, Not(HasSubstr("another")));
  EXPECT_THAT(Events(), ElementsAre("config_reloaded"));
}

TEST_F(ReloaderTest, ExposesOnlyTheCurrentHash) {
  metrics_.OnLoaded("0123456789abcdef", false, kNow);
  file_.Replace("log: {level: debug}\n");
  reloader_.Reload(kNow);
  EXPECT_THAT(Metrics(), Not(HasSubstr("0123456789abcdef")));
  EXPECT_THAT(Metrics(), HasSubstr("gateway_config_info{hash=\""));
}

// A file that is being written may end before the setting.
TEST_F(ReloaderTest, ProtectedRunsAreNotUnset) {
  file_.Replace("protected_runs_file: /runs\n");
  Reloader reloader(std::get<config::LoadedConfig>(Load()), Loaders(), &files_, &events_,
                    &metrics_);
  std::vector<std::string> paths;
  reloader.OnReload([&](const config::LoadedConfig& next) {
    paths.push_back(next.config.protected_runs_file());
  });
  file_.Replace("log: {level: warn}\n");
  reloader.Reload(kNow);
  EXPECT_THAT(Events(), ElementsAre(HasSubstr("protected_runs_file: there is none any more")));
  file_.Replace("protected_runs_file: /others\n");
  reloader.Reload(kNow);
  EXPECT_THAT(paths, ElementsAre("/runs", "/others")) << "the first one is with the keys alone";
}

}  // namespace
}  // namespace evalrun::reload
