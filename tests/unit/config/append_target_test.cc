// SPDX-License-Identifier: Apache-2.0

#include "service/config/append_target.h"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace evalrun::config {
namespace {

using ::testing::HasSubstr;

class AppendTargetTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "append_target.XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static std::string Error(const std::filesystem::path& path) {
    return std::string(CheckAppendTarget(path).message());
  }

  std::filesystem::path folder_;
};

TEST_F(AppendTargetTest, AcceptsAFileAndAFreeNameAndCreatesNothing) {
  EXPECT_EQ(CheckAppendTarget(folder_ / "new"), absl::OkStatus());
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
  std::ofstream(folder_ / "file") << "x";
  EXPECT_EQ(CheckAppendTarget(folder_ / "file"), absl::OkStatus());
}

TEST_F(AppendTargetTest, RejectsWhatCannotBeOpened) {
  EXPECT_THAT(Error(folder_ / "missing" / "new"),
              HasSubstr("its folder cannot be opened: No such"));
  EXPECT_EQ(Error(folder_), "it is not a regular file");
  ASSERT_EQ(mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(Error(folder_ / "pipe"), "it is not a regular file");
  std::ofstream(folder_ / "file") << "x";
  EXPECT_THAT(Error(folder_ / "file" / "new"), HasSubstr("cannot be opened: Not a directory"));
  // Read-only to every user.
  EXPECT_THAT(Error("/proc/self/new"), HasSubstr("it cannot be created in its folder"));
}

}  // namespace
}  // namespace evalrun::config
