// SPDX-License-Identifier: Apache-2.0
//
// Detecting changes of files.
#include "service/config/watched_files.h"

#include <sys/stat.h>

#include <filesystem>

#include <gtest/gtest.h>

#include "tests/support/config_file.h"

namespace evalrun::config {
namespace {

using testing::ConfigFile;

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

// A load may read a file twice, and decide by what it read first.
TEST(WatchedFilesTest, DetectsAChangeBetweenTwoReadsOfOneLoad) {
  const ConfigFile file("one");
  WatchedFiles files;
  (void)files.MakeReader()(file.path(), kMaxBytes);
  file.Replace("two");
  EXPECT_EQ(*files.MakeReader()(file.path(), kMaxBytes), "two");
  EXPECT_NE(files.CurrentHash(), files.LoadedHash());
  files.Clear();
  (void)files.MakeReader()(file.path(), kMaxBytes);
  EXPECT_EQ(files.CurrentHash(), files.LoadedHash());
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
  EXPECT_EQ(files.FindBlankFile(), "");
}

TEST(WatchedFilesTest, IgnoresClearedFiles) {
  const ConfigFile file("one");
  WatchedFiles files;
  (void)files.MakeReader()(file.path(), kMaxBytes);
  files.Clear();
  file.Replace("two");
  EXPECT_EQ(files.CurrentHash(), files.LoadedHash());
}

TEST(WatchedFilesTest, FindsBlankFile) {
  const ConfigFile file(" \n\t\n");
  WatchedFiles files;
  (void)files.MakeReader()(file.path(), kMaxBytes);
  EXPECT_EQ(files.FindBlankFile(), file.path());
}

// Whatever was at the path meanwhile, the file that comes back is loaded.
TEST(WatchedFilesTest, DetectsFileThatReplacesAPipeOrADirectory) {
  const ConfigFile place("one");
  const std::string path = place.path() + ".other";
  for (const bool is_pipe : {true, false}) {
    if (is_pipe) {
      ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
    } else {
      ASSERT_EQ(mkdir(path.c_str(), 0700), 0);
    }
    WatchedFiles files;
    EXPECT_FALSE(files.MakeReader()(path, kMaxBytes).ok());
    EXPECT_EQ(files.CurrentHash(), files.LoadedHash());
    std::filesystem::remove(path);
    std::filesystem::copy(place.path(), path);
    EXPECT_NE(files.CurrentHash(), files.LoadedHash());
    std::filesystem::remove(path);
  }
}

}  // namespace
}  // namespace evalrun::config
