// Files that are looked at again.
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

TEST(WatchedFilesTest, ReadsLikeReadFile) {
  const ConfigFile file("content");
  WatchedFiles files;
  EXPECT_EQ(*files.Reader()(file.path(), kMaxBytes), "content");
  EXPECT_FALSE(files.Reader()(file.path(), 3).ok());
  EXPECT_FALSE(files.Reader()(file.path() + "x", kMaxBytes).ok());
}

TEST(WatchedFilesTest, ChangeWithTheirContent) {
  const ConfigFile file("one");
  WatchedFiles files;
  (void)files.Reader()(file.path(), kMaxBytes);
  EXPECT_EQ(files.Now(), files.AsRead());
  file.Replace("two");
  const auto changed = files.Now();
  EXPECT_NE(changed, files.AsRead());
  EXPECT_EQ(files.Now(), changed);
  file.Replace("one");
  EXPECT_EQ(files.Now(), files.AsRead()) << "as it was";
  std::filesystem::remove(file.path());
  EXPECT_NE(files.Now(), files.AsRead());
}

TEST(WatchedFilesTest, FollowALinkThatIsSwitched) {
  // Kubernetes: the file is a link through a link to a folder, and the latter is replaced.
  const ConfigFile one("one");
  const ConfigFile two("two");
  const ConfigFile place("");
  const std::filesystem::path folder = std::filesystem::path(place.path()).parent_path();
  std::filesystem::create_directory_symlink(std::filesystem::path(one.path()).parent_path(),
                                            folder / "..data");
  WatchedFiles files;
  EXPECT_EQ(*files.Reader()((folder / "..data/gateway.yaml").string(), kMaxBytes), "one");
  std::filesystem::create_directory_symlink(std::filesystem::path(two.path()).parent_path(),
                                            folder / "next");
  std::filesystem::rename(folder / "next", folder / "..data");
  EXPECT_NE(files.Now(), files.AsRead());
}

TEST(WatchedFilesTest, AFileThatWasNotThereAppears) {
  const ConfigFile file("one");
  WatchedFiles files;
  EXPECT_FALSE(files.Reader()(file.path() + ".key", kMaxBytes).ok());
  EXPECT_EQ(files.Now(), files.AsRead());
  std::filesystem::copy(file.path(), file.path() + ".key");
  EXPECT_NE(files.Now(), files.AsRead());
  EXPECT_EQ(files.Untrustworthy(), "");
}

TEST(WatchedFilesTest, ForgottenFilesDoNotCount) {
  const ConfigFile file("one");
  WatchedFiles files;
  (void)files.Reader()(file.path(), kMaxBytes);
  files.Forget();
  file.Replace("two");
  EXPECT_EQ(files.Now(), files.AsRead());
}

TEST(WatchedFilesTest, ABlankFileIsNotToBeTrusted) {
  const ConfigFile file(" \n\t\n");
  WatchedFiles files;
  (void)files.Reader()(file.path(), kMaxBytes);
  EXPECT_THAT(files.Untrustworthy(), HasSubstr("is blank"));
}

TEST(WatchedFilesTest, APipeIsNotReadASecondTime) {
  const ConfigFile place("x");
  const std::string pipe = place.path() + ".pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const int keeps_it_open = open(pipe.c_str(), O_RDWR);  // or the reader would wait for a writer
  ASSERT_GE(keeps_it_open, 0);
  ASSERT_EQ(write(keeps_it_open, std::string(kMaxBytes + 1, 'x').data(), kMaxBytes + 1),
            static_cast<ssize_t>(kMaxBytes + 1));
  WatchedFiles files;
  (void)files.Reader()(pipe, kMaxBytes);
  EXPECT_EQ(files.Now(), files.AsRead());
  EXPECT_THAT(files.Untrustworthy(), HasSubstr("is no regular file"));
  close(keeps_it_open);
}

}  // namespace
}  // namespace evalrun::config
