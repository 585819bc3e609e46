// SPDX-License-Identifier: Apache-2.0

#include "service/config/reference.h"

#include <cstdlib>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "service/config/read_file.h"

namespace evalrun::config {
namespace {

// The reference is the golden list of all settings, flags and variables: a name or a default that
// changes is a change for users.
TEST(ReferenceTest, CheckedInFileMatchesSchema) {
  const std::string path = EVALRUN_SOURCE_DIR "/service/config/REFERENCE.md";
  const char* const update = std::getenv("UPDATE_GOLDEN");
  if (update != nullptr && std::string(update) == "1") {
    std::ofstream(path) << ReferenceMarkdown();
  }
  const auto checked_in = ReadFile(path, 1'000'000);
  ASSERT_TRUE(checked_in.ok()) << checked_in.status();
  EXPECT_EQ(*checked_in, ReferenceMarkdown())
      << path << " is not current: run this test with UPDATE_GOLDEN=1";
}

}  // namespace
}  // namespace evalrun::config
