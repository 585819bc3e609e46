// SPDX-License-Identifier: Apache-2.0
//
// Conflicts between settings of TLS, and addresses for plaintext.
#include "service/config/tls.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/config/load.h"

namespace evalrun::config {
namespace {

using ::testing::HasSubstr;

struct Case {
  std::vector<const char*> flags;
  const char* error;  // part of the message; empty: valid
};

TEST(TlsTest, RejectsIncompleteTlsSettings) {
  const Case cases[] = {
      {{}, ""},
      {{"--tls-certificate-file=c", "--tls-key-file=k"}, ""},
      {{"--tls-certificate-file=c"}, "tls.certificate_file, tls.key_file: must come together"},
      {{"--tls-key-file=k"}, "tls.certificate_file, tls.key_file: must come together"},
      {{"--tls-client-certificates=required"}, "must be off without tls.certificate_file"},
      {{"--tls-certificate-file=c", "--tls-key-file=k", "--tls-client-certificates=optional"},
       "must be off without tls.client_ca_file"},
      {{"--tls-certificate-file=c", "--tls-key-file=k", "--tls-client-ca-file=a"},
       "tls.client_ca_file: must come with tls.client_certificates optional or required"},
      {{"--tls-certificate-file=c", "--tls-key-file=k", "--tls-client-ca-file=a",
        "--tls-client-certificates=required"},
       ""},
      {{"--limits-redis-tls"}, "limits.redis.tls: must come with limits.redis.address"},
      {{"--limits-redis-ca-file=a"}, "must come with limits.redis.tls"},
      {{"--limits-redis-tls-server-name=a"}, "must come with limits.redis.tls"},
      {{"--limits-replicas=2", "--limits-redis-address=a:1", "--limits-redis-tls",
        "--limits-redis-client-key-file=k"},
       "limits.redis.client_certificate_file, limits.redis.client_key_file: must come together"},
      {{"--limits-replicas=2", "--limits-redis-address=a:1", "--limits-redis-tls",
        "--limits-redis-ca-file=a", "--limits-redis-client-certificate-file=c",
        "--limits-redis-client-key-file=k", "--limits-redis-tls-server-name=a"},
       ""},
  };
  for (const Case& c : cases) {
    EXPECT_THAT(ToEarlyExit(Load({.flags = c.flags})).err, HasSubstr(c.error));
    EXPECT_EQ(ToEarlyExit(Load({.flags = c.flags})).exit_code, *c.error == '\0' ? -1 : 2);
  }
}

TEST(TlsTest, PlaintextRequiresLoopbackOrInsecure) {
  for (const char* listen : {"--listen=127.0.0.1:1", "--listen=127.8.9.10:1", "--listen=[::1]:1",
                             "--listen=localhost:1"}) {
    EXPECT_EQ(ToEarlyExit(Load({.flags = {listen}})).exit_code, -1) << listen;
  }
  for (const char* listen :
       {"--listen=0.0.0.0:1", "--listen=[::]:1", "--listen=10.0.0.1:1", "--listen=128.0.0.1:1",
        "--listen=gateway:1", "--listen=127.0.0.1.example.com:1", "--listen=localhost.test:1"}) {
    EXPECT_THAT(ToEarlyExit(Load({.flags = {listen}})).err,
                HasSubstr("must be an address of the loopback interface"))
        << listen;
    EXPECT_EQ(ToEarlyExit(Load({.flags = {listen, "--server-insecure"}})).exit_code, -1) << listen;
    EXPECT_EQ(ToEarlyExit(Load({.flags = {listen, "--tls-certificate-file=c", "--tls-key-file=k"}}))
                  .exit_code,
              -1)
        << listen;
  }
}

}  // namespace
}  // namespace evalrun::config
