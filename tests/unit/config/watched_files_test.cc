// SPDX-License-Identifier: Apache-2.0
//
// Detecting changes of files.
#include "service/config/watched_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/config_file.h"

namespace evalrun::config {
namespace {

using testing::ConfigFile;
using ::testing::HasSubstr;

constexpr std::size_t kMaxBytes = 100;

TEST(WatchedFilesTest, MakeReaderReadsLikeReadFile) {
  const ConfigFile file("content");
  WatchedFiles files;
  EXPECT_EQ(*files.MakeReader()(file.path(), kMaxBytes), "content");
  EXPECT_FALSE(files.MakeReader()(file.path(), 3).ok());
  EXPECT_FALSE(files.MakeReader()(file.path() + "x", kMaxBytes).ok());
}

TEST(WatchedFilesTest, HashChangesWithContent) {
  const ConfigFile file("one");
  WatchedFiles files;
  (void)files.MakeReader()(file.path(), kMaxBytes);
  EXPECT_EQ(files.CurrentHash(), files.LoadedHash());
  file.Replace("two");
  const auto changed = files.CurrentHash();
  EXPECT_NE(changed, files.LoadedHash());
  EXPECT_EQ(files.CurrentHash(), changed);
  file.Replace("one");
  EXPECT_EQ(files.CurrentHash(), files.LoadedHash()) << "changed back";
  std::filesystem::remove(file.path());
  EXPECT_NE(files.CurrentHash(), files.LoadedHash());
}

TEST(WatchedFilesTest, DetectsSwitchedSymlink) {
  // As in Kubernetes: the file is a symbolic link through a link to a folder, and that link is
  // replaced.
  const ConfigFile one("one");
  const ConfigFile two("two");
  const ConfigFile place("");
  const std::filesystem::path folder = std::filesystem::path(place.path()).parent_path();
  std::filesystem::create_directory_symlink(std::filesystem::path(one.path()).parent_path(),
                                            folder / "..data");
  WatchedFiles files;
  EXPECT_EQ(*files.MakeReader()((folder / "..data/gateway.yaml").string(), kMaxBytes), "one");
  std::filesystem::create_directory_symlink(std::filesystem::path(two.path()).parent_path(),
                                            folder / "next");
  std::filesystem::rename(folder / "next", folder / "..data");
  EXPECT_NE(files.CurrentHash(), files.LoadedHash());
}

TEST(WatchedFilesTest, DetectsNewFile) {
  const ConfigFile file("one");
  WatchedFiles files;
  EXPECT_FALSE(files.MakeReader()(file.path() + ".key", kMaxBytes).ok());
  EXPECT_EQ(files.CurrentHash(), files.LoadedHash());
  std::filesystem::copy(file.path(), file.path() + ".key");
  EXPECT_NE(files.CurrentHash(), files.LoadedHash());
  EXPECT_EQ(files.FindUnreliableFile(), "");
}

TEST(WatchedFilesTest, IgnoresClearedFiles) {
  const ConfigFile file("one");
  WatchedFiles files;
  (void)files.MakeReader()(file.path(), kMaxBytes);
  files.Clear();
  file.Replace("two");
  EXPECT_EQ(files.CurrentHash(), files.LoadedHash());
}

TEST(WatchedFilesTest, BlankFileIsUnreliable) {
  const ConfigFile file(" \n\t\n");
  WatchedFiles files;
  (void)files.MakeReader()(file.path(), kMaxBytes);
  EXPECT_THAT(files.FindUnreliableFile(), HasSubstr("is blank"));
}

TEST(WatchedFilesTest, ReadsPipeOnlyOnce) {
  const ConfigFile place("x");
  const std::string pipe = place.path() + ".pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const int keeps_it_open = open(pipe.c_str(), O_RDWR);  // so that reading does not block
  ASSERT_GE(keeps_it_open, 0);
  ASSERT_EQ(write(keeps_it_open, std::string(kMaxBytes + 1, 'x').data(), kMaxBytes + 1),
            static_cast<ssize_t>(kMaxBytes + 1));
  WatchedFiles files;
  (void)files.MakeReader()(pipe, kMaxBytes);
  EXPECT_EQ(files.CurrentHash(), files.LoadedHash());
  EXPECT_THAT(files.FindUnreliableFile(), HasSubstr("is no regular file"));
  close(keeps_it_open);
}

}  // namespace
}  // namespace evalrun::config
