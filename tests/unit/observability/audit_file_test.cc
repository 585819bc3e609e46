// SPDX-License-Identifier: Apache-2.0
//
// Rotating a file while it is being written.
#include "service/observability/audit_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace evalrun::observability {
namespace {

using ::testing::HasSubstr;

class AuditFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "audit.XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    path_ = folder_ / "audit.log";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static std::string Content(const std::filesystem::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static void Write(const AuditFile& file, const std::string& text) {
    ASSERT_EQ(write(file.fd(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }

  std::filesystem::path folder_;
  std::filesystem::path path_;
};

TEST_F(AuditFileTest, AppendsWithRestrictedPermissions) {
  {
    const auto file = AuditFile::Open(path_);
    ASSERT_TRUE(file.ok());
    Write(**file, "one\n");
  }
  const auto file = AuditFile::Open(path_);
  Write(**file, "two\n");
  EXPECT_EQ(Content(path_), "one\ntwo\n");
  struct stat there {};
  ASSERT_EQ(stat(path_.c_str(), &there), 0);
  EXPECT_EQ(there.st_mode & 0007U, 0U);
}

TEST_F(AuditFileTest, ReopenWritesToTheFileAtThePath) {
  const auto file = AuditFile::Open(path_);
  EXPECT_FALSE((*file)->IsPathReplaced());
  Write(**file, "one\n");
  std::filesystem::rename(path_, folder_ / "old");
  EXPECT_TRUE((*file)->IsPathReplaced());
  Write(**file, "two\n");
  const int fd = (*file)->fd();
  ASSERT_TRUE((*file)->Reopen().ok());
  EXPECT_EQ((*file)->fd(), fd);
  EXPECT_FALSE((*file)->IsPathReplaced());
  Write(**file, "three\n");
  EXPECT_EQ(Content(folder_ / "old"), "one\ntwo\n");
  EXPECT_EQ(Content(path_), "three\n");
}

TEST_F(AuditFileTest, KeepsOldFileWhenReopenFails) {
  const auto file = AuditFile::Open(path_);
  std::filesystem::rename(path_, folder_ / "old");
  std::filesystem::create_directory(path_);
  EXPECT_FALSE((*file)->Reopen().ok());
  Write(**file, "one\n");
  EXPECT_EQ(Content(folder_ / "old"), "one\n");
}

// Opening a pipe would wait for a reader.
TEST_F(AuditFileTest, RefusesEverythingButARegularFile) {
  ASSERT_EQ(mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  for (const char* const path : {"pipe", "/dev/full", "/dev/null"}) {
    EXPECT_THAT(std::string(AuditFile::Open(folder_ / path).status().message()),
                HasSubstr("it is not a regular file"));
  }
  const int reader = open((folder_ / "pipe").c_str(), O_RDONLY | O_NONBLOCK);
  EXPECT_FALSE(AuditFile::Open(folder_ / "pipe").ok());
  close(reader);
  EXPECT_FALSE(AuditFile::Open(folder_).ok());
  const auto file = AuditFile::Open(path_);
  std::filesystem::rename(folder_ / "pipe", path_);
  EXPECT_TRUE((*file)->IsPathReplaced());
  EXPECT_FALSE((*file)->Reopen().ok());
}

TEST_F(AuditFileTest, SeesThatTheFileWasDeleted) {
  const auto file = AuditFile::Open(path_);
  EXPECT_FALSE((*file)->IsDeleted());
  std::filesystem::rename(path_, folder_ / "old");
  EXPECT_FALSE((*file)->IsDeleted());
  std::filesystem::remove(folder_ / "old");
  EXPECT_TRUE((*file)->IsDeleted());
  EXPECT_EQ((*file)->generation(), 0u);
  ASSERT_TRUE((*file)->Reopen().ok());
  EXPECT_FALSE((*file)->IsDeleted());
  EXPECT_EQ((*file)->generation(), 2u);
  std::filesystem::rename(path_, folder_ / "old");
  ASSERT_TRUE((*file)->Reopen().ok());
  EXPECT_EQ((*file)->generation(), 2u);
}

TEST_F(AuditFileTest, ErrorNamesTheFile) {
  const auto file = AuditFile::Open(folder_ / "missing" / "audit.log");
  EXPECT_THAT(std::string(file.status().message()), HasSubstr("missing/audit.log"));
}

}  // namespace
}  // namespace evalrun::observability
