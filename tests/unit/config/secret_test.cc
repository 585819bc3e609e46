// SPDX-License-Identifier: Apache-2.0

#include "service/config/secret.h"

#include <string>
#include <type_traits>
#include <utility>

#include <gtest/gtest.h>

#include "tests/unit/config/bytes_when_freed.h"

namespace evalrun::config {
namespace {

template <typename T>
concept Printable = requires(std::ostream& stream, const T& value) {
  stream << value;
};

static_assert(!Printable<Secret>);
static_assert(!std::is_copy_constructible_v<Secret>);
static_assert(std::is_nothrow_move_constructible_v<Secret>);

TEST(SecretTest, MoveLeavesNoCopy) {
  Secret first("canary");
  const void* const address = first.RevealForSending().data();
  Secret second(std::move(first));
  EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move): guaranteed
  EXPECT_EQ(second.RevealForSending(), "canary");
  EXPECT_EQ(second.RevealForSending().data(), address) << "the bytes themselves were not copied";
  first = std::move(second);
  EXPECT_TRUE(second.empty());  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(first.RevealForSending().data(), address);
  EXPECT_TRUE(Secret().empty());
}

TEST(SecretTest, WipedOnDestructionAndAssignment) {
  {
    const Secret secret("canary canary");
    RecordBytesWhenFreed(secret.RevealForSending().data(), secret.RevealForSending().size());
  }
  EXPECT_EQ(BytesWhenFreed(), std::string(13, '\0')) << "when destroyed";
  Secret secret("canary canary");
  RecordBytesWhenFreed(secret.RevealForSending().data(), secret.RevealForSending().size());
  secret = Secret("other");
  EXPECT_EQ(BytesWhenFreed(), std::string(13, '\0')) << "when assigned to";
}

TEST(WipeStringTest, OverwritesWholeCapacity) {
  {
    std::string text(1000, 'x');
    text = "canary";  // keeps the buffer and most of its content
    RecordBytesWhenFreed(text.data(), 1000);
    WipeString(&text);
    EXPECT_TRUE(text.empty());
  }
  EXPECT_EQ(BytesWhenFreed(), std::string(1000, '\0'));
}

}  // namespace
}  // namespace evalrun::config
