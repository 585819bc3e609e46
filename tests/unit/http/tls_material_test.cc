// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/http/tls_material.h"

#include <string>
#include <type_traits>
#include <utility>

#include <gtest/gtest.h>

#include "tests/unit/config/bytes_when_freed.h"

namespace evalrun::http {
namespace {

using config::BytesWhenFreed;
using config::RecordBytesWhenFreed;

static_assert(!std::is_copy_constructible_v<TlsMaterial>);
static_assert(std::is_nothrow_move_constructible_v<TlsMaterial>);

TEST(TlsMaterialTest, WipesPrivateKeyWhenDestroyed) {
  {
    TlsMaterial material;
    material.private_key = std::string(100, 'k');
    RecordBytesWhenFreed(material.private_key.data(), material.private_key.size());
    const TlsMaterial moved(std::move(material));
    EXPECT_EQ(moved.private_key, std::string(100, 'k'));
    EXPECT_EQ(BytesWhenFreed(), "(not freed)") << "moving leaves no copy";
  }
  EXPECT_EQ(BytesWhenFreed(), std::string(100, '\0'));
}

TEST(TlsMaterialTest, WipesWhatAShorterPrivateKeyLeft) {
  {
    TlsMaterial material;
    material.private_key = std::string(100, 'k');
    material.private_key.resize(10);
    RecordBytesWhenFreed(material.private_key.data(), 100);
  }
  EXPECT_EQ(BytesWhenFreed(), std::string(100, '\0'));
}

}  // namespace
}  // namespace evalrun::http
