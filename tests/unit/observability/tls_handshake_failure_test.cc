// SPDX-License-Identifier: Apache-2.0

#include "service/observability/tls_handshake_failure.h"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

namespace evalrun::observability {
namespace {

TEST(TlsHandshakeFailureTest, ClassifiesOpenSslReasons) {
  const struct {
    const char* reason;
    const char* cause;
  } kTable[] = {
      {"peer did not return a certificate", "no_client_certificate"},
      {"certificate verify failed", "client_certificate_rejected"},
      {"tlsv1 alert unknown ca", "server_certificate_rejected"},
      {"sslv3 alert bad certificate", "server_certificate_rejected"},
      {"sslv3 alert certificate expired", "server_certificate_rejected"},
      {"sslv3 alert certificate unknown", "server_certificate_rejected"},
      {"unsupported protocol", "protocol_version"},
      {"tlsv1 alert protocol version", "protocol_version"},
      {"no shared cipher", "no_shared_algorithm"},
      {"sslv3 alert handshake failure", "no_shared_algorithm"},
      {"http request", "not_tls"},
      {"wrong version number", "not_tls"},
      {"unexpected eof while reading", "disconnected"},
      {"a reason of tomorrow", "other"},
      {"", "other"},
  };
  for (const auto& [reason, cause] : kTable) {
    const std::string text = std::string("error:0A000000:SSL routines::") + reason;
    const std::string line = "Handshake failed with fatal error SSL_ERROR_SSL: " + text + ".";
    const auto failure = ParseTlsHandshakeFailure(line);
    ASSERT_TRUE(failure.has_value());
    EXPECT_EQ(failure->cause, cause) << reason;
    EXPECT_EQ(failure->message, text);
    EXPECT_NE(std::ranges::find(kTlsHandshakeFailureCauses, failure->cause),
              kTlsHandshakeFailureCauses.end());
  }
}

TEST(TlsHandshakeFailureTest, ReadsTheLineOfNewerGrpc) {
  const auto failure = ParseTlsHandshakeFailure(
      "Handshake failed with error SSL_ERROR_SSL: error:0A000086:SSL routines::certificate verify "
      "failed: self-signed certificate");
  ASSERT_TRUE(failure.has_value());
  EXPECT_EQ(failure->cause, "client_certificate_rejected");
  EXPECT_EQ(failure->message,
            "error:0A000086:SSL routines::certificate verify failed: self-signed certificate");
}

TEST(TlsHandshakeFailureTest, IgnoresOtherLines) {
  EXPECT_EQ(ParseTlsHandshakeFailure("Corruption detected."), std::nullopt);
  EXPECT_EQ(ParseTlsHandshakeFailure(""), std::nullopt);
}

}  // namespace
}  // namespace evalrun::observability
