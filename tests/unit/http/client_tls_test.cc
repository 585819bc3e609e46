// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/http/client_tls.h"

#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/descriptor_limit.h"

namespace evalrun::http {
namespace {

using evalrun::testing::DescriptorLimit;
using ::testing::HasSubstr;

TlsMaterial MakeMaterial(const std::string& prefix) {
  TlsMaterial material;
  material.ca_certificates = prefix + " ca";
  material.certificate_chain = prefix + " chain";
  material.private_key = prefix + " key";
  return material;
}

std::string ReadFile(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(ClientTlsTest, FilesHoldTheMaterialAndChangeTheirNames) {
  ClientTls tls;
  ASSERT_TRUE(tls.Set(MakeMaterial("old")).ok());
  const std::string old_path = tls.Current()->private_key();
  ASSERT_TRUE(tls.Set(MakeMaterial("other")).ok());
  ASSERT_TRUE(tls.Set(MakeMaterial("new")).ok());  // has the descriptors of the first
  const std::shared_ptr<const TlsFileSet> files = tls.Current();
  EXPECT_EQ(files->version(), 3U);
  EXPECT_EQ(ReadFile(files->ca_certificates()), "new ca");
  EXPECT_EQ(ReadFile(files->certificate_chain()), "new chain");
  EXPECT_EQ(ReadFile(files->private_key()), "new key");
  EXPECT_NE(files->private_key(), old_path);
}

TEST(ClientTlsTest, EmptyMaterialHasNoFile) {
  ClientTls tls;
  TlsMaterial material;
  material.ca_certificates = "ca";
  ASSERT_TRUE(tls.Set(material).ok());
  EXPECT_EQ(ReadFile(tls.Current()->ca_certificates()), "ca");
  EXPECT_EQ(tls.Current()->certificate_chain(), nullptr);
  EXPECT_EQ(tls.Current()->private_key(), nullptr);
}

TEST(ClientTlsTest, KeepsOldFilesWithoutFreeDescriptors) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "UndefinedBehaviorSanitizer opens a pipe to check a vptr";
#endif
  ClientTls tls;
  ASSERT_TRUE(tls.Set(MakeMaterial("old")).ok());
  for (const int left : {0, 1, 2}) {
    const DescriptorLimit limit(left);
    const absl::Status status = tls.Set(MakeMaterial("new"));
    EXPECT_THAT(std::string(status.message()), HasSubstr("Too many open files")) << left;
    // What was made before the failure is closed again.
    std::vector<std::unique_ptr<const MemoryFile>> files;
    while (auto file = MemoryFile::Create("x", 1).value_or(nullptr))
      files.push_back(std::move(file));
    EXPECT_EQ(files.size(), static_cast<std::size_t>(left));
  }
  EXPECT_EQ(tls.Current()->version(), 1U);
  EXPECT_EQ(ReadFile(tls.Current()->private_key()), "old key");
  {
    const DescriptorLimit limit(3);
    EXPECT_TRUE(tls.Set(MakeMaterial("new")).ok());
  }
  EXPECT_EQ(ReadFile(tls.Current()->private_key()), "new key");
}

}  // namespace
}  // namespace evalrun::http
