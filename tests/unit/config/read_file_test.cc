// SPDX-License-Identifier: Apache-2.0

#include "service/config/read_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace evalrun::config {
namespace {

using ::testing::HasSubstr;

class ReadFileTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& content) {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    const std::string path = ::testing::TempDir() + "read_file_test." + test->name();
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }
};

TEST_F(ReadFileTest, ReturnsExactBytes) {
  const std::string content("a\0b\r\n\xff", 6);
  EXPECT_EQ(*ReadFile(Write(content), 100), content);
}

TEST_F(ReadFileTest, ReadsEmptyFile) { EXPECT_EQ(*ReadFile(Write(""), 100), ""); }

TEST_F(ReadFileTest, RejectsFileOverLimit) {
  const std::string path = Write("12345");
  EXPECT_TRUE(ReadFile(path, 5).ok());
  const auto content = ReadFile(path, 4);
  EXPECT_THAT(std::string(content.status().message()), HasSubstr("larger than 4 bytes"));
}

// Nobody waits for a pipe to be written, as open() and read() would.
TEST_F(ReadFileTest, RejectsEverythingButARegularFile) {
  EXPECT_EQ(ReadFile("/dev/zero", 1000).status().message(),
            "cannot read /dev/zero: it is a device or a socket and not a regular file");
  EXPECT_EQ(ReadFile("/", 10).status().message(), "cannot read /: it is a directory");
  const std::string pipe = ::testing::TempDir() + "read_file_test.pipe";
  std::remove(pipe.c_str());
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT(std::string(ReadFile(pipe, 10).status().message()), HasSubstr("it is a pipe"));
  const int writer = open(pipe.c_str(), O_RDWR);  // with a writer, and nothing written
  EXPECT_THAT(std::string(ReadFile(pipe, 10).status().message()), HasSubstr("it is a pipe"));
  close(writer);
  const std::string link = ::testing::TempDir() + "read_file_test.link";
  std::remove(link.c_str());
  ASSERT_EQ(symlink(Write("content").c_str(), link.c_str()), 0);
  EXPECT_EQ(*ReadFile(link, 10), "content");
}

TEST_F(ReadFileTest, ErrorStatesCause) {
  EXPECT_EQ(ReadFile("/nonexistent/key", 10).status().message(),
            "cannot read /nonexistent/key: No such file or directory");
  EXPECT_FALSE(ReadFile(std::string("/dev/null\0x", 11), 10).ok());
}

}  // namespace
}  // namespace evalrun::config
