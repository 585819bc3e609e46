// SPDX-License-Identifier: Apache-2.0
//
// transfer.cc asks libcurl's TLS connections for pending bytes, where libcurl and the gateway use
// the same OpenSSL. Where they do not, each call to the upstream needs a new connection.
#include <string>

#include <curl/curl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/opensslv.h>

namespace evalrun::http {
namespace {

TEST(OpenSslTest, IsTheOneThatLibcurlUses) {
  EXPECT_THAT(curl_version_info(CURLVERSION_NOW)->ssl_version,
              ::testing::StartsWith("OpenSSL/" + std::to_string(OPENSSL_VERSION_MAJOR) + "."));
}

}  // namespace
}  // namespace evalrun::http
