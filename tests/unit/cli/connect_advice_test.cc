// SPDX-License-Identifier: Apache-2.0

#include "service/cli/connect_advice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace evalrun::cli {
namespace {

using testing::HasSubstr;

// Error messages as observed with gRPC 1.51, and with 1.83 where they differ.
TEST(ConnectAdviceTest, GivesAdviceForEachCause) {
  const Tls kPlainTls{};
  const struct {
    const char* error;
    std::optional<Tls> tls;
    const char* said;
  } kTable[] = {
      {"UNKNOWN: ipv4:127.0.0.1:1: Failed to connect to remote host: Connection refused",
       std::nullopt, "Nothing listens at host:1"},
      {"INTERNAL: ipv4:127.0.0.1:1: Trying to connect an http1.x server", std::nullopt,
       "speaks HTTP/1"},
      {"UNAVAILABLE: ipv4:127.0.0.1:1: Socket closed", std::nullopt, "add --tls"},
      {"DNS resolution failed for nosuch.invalid:1: C-ares status is not ARES_SUCCESS",
       std::nullopt, "spelling of the host"},
      {"errors resolving nosuch.invalid:1: [field:hostname lookup error:address lookup failed for "
       "nosuch.invalid:1: Domain name not found]",
       std::nullopt, "spelling of the host"},
      {"no connection in time", std::nullopt, "wait longer with --timeout"},
      {"something new", std::nullopt, "Check that the gateway runs at host:1"},
      {"UNKNOWN: ipv4:127.0.0.1:1: Ssl handshake failed: SSL_ERROR_SSL: error:0A00010B:SSL "
       "routines::wrong version number",
       kPlainTls, "leave out --tls"},
      {"UNKNOWN: ipv4:127.0.0.1:1: Ssl handshake failed: SSL_ERROR_SSL: error:0A000086:SSL "
       "routines::certificate verify failed",
       kPlainTls, "with --ca-file"},
      {"certificate verify failed", Tls{.ca_file = "ca.pem"}, "an authority in --ca-file ca.pem"},
      {"UNKNOWN: ipv4:127.0.0.1:1: Peer name 127.0.0.1 is not in peer certificate", kPlainTls,
       "with --server-name"},
      {"UNAVAILABLE: ipv4:127.0.0.1:1: Socket closed", kPlainTls, "--cert-file and --key-file"},
      {"UNAVAILABLE: ipv4:127.0.0.1:1: Socket closed", Tls{.cert_file = "me.pem"},
       "may not accept the certificate in --cert-file me.pem"},
  };
  for (const auto& [error, tls, said] : kTable) {
    EXPECT_THAT(ConnectAdvice(error, {"host:1", kDefaultTimeout, tls}), HasSubstr(said)) << error;
  }
}

}  // namespace
}  // namespace evalrun::cli
