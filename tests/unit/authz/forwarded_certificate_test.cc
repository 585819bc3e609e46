// SPDX-License-Identifier: Apache-2.0
//
// Whom `x-forwarded-client-cert` names, and that every doubtful value names nobody.
#include "service/authz/forwarded_certificate.h"

#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace evalrun::authz {
namespace {

using namespace std::string_literals;

constexpr char kUri[] = "spiffe://cluster.local/ns/batch/sa/worker";

TEST(ForwardedCertificateTest, ReturnsTheUriOfTheLastElement) {
  const std::string uri = kUri;
  for (const std::string& value : {
           "URI=" + uri,
           // As Istio's sidecar writes it.
           "By=spiffe://cluster.local/ns/evalrun/sa/gateway;Hash=468ed33be74eee6556d90c0149c1309e9b"
           "a61d6425303443c0748a02dd8de688;Subject=\"\";URI=" +
               uri,
           "Hash=;URI=" + uri + ";DNS=a.b;DNS=c.d",
           // After the elements of proxies before it.
           "By=spiffe://a;URI=spiffe://other,By=spiffe://b;URI=" + uri,
           "URI=spiffe://x;URI=spiffe://y,URI=" + uri,
           "Hash=00,URI=" + uri,
           // Quoted.
           "URI=\"" + uri + "\"",
           R"(Subject="CN=a,O=\"b\";URI=spiffe://other";URI=)" + uri,
           R"(Subject="CN=a\\";URI=)" + uri,
           R"(Cert="-----BEGIN%20CERTIFICATE-----%0A";URI=)" + uri,
           "uri=" + uri,
       }) {
    EXPECT_EQ(ParseForwardedCertificateUri(value), uri) << value;
  }
  EXPECT_EQ(ParseForwardedCertificateUri(R"(URI="a,b;c=\"d\\")"), R"(a,b;c="d\)");
}

TEST(ForwardedCertificateTest, NamesNobodyWithoutExactlyOneUriInTheLastElement) {
  for (const char* value : {
           "Hash=00",
           "URI=",
           "URI=\"\"",
           "URI=spiffe://a;URI=spiffe://b",
           "URI=spiffe://a;uri=spiffe://a",
           "URI=spiffe://a;URI=",
           "URI=spiffe://a,Hash=00",
           "URI=spiffe://a,URI=",
           "Subject=\"URI=spiffe://a\"",
           "By=spiffe://a",
           "XURI=spiffe://a",
       }) {
    EXPECT_EQ(ParseForwardedCertificateUri(value), std::nullopt) << value;
  }
}

TEST(ForwardedCertificateTest, NamesNobodyWhenAnyPartIsMalformed) {
  for (const std::string& value : {
           ""s,
           ","s,
           ";"s,
           "="s,
           "URI"s,
           "spiffe://a"s,
           "URI=spiffe://a,"s,
           ",URI=spiffe://a"s,
           "URI=spiffe://a;"s,
           ";URI=spiffe://a"s,
           "=x;URI=spiffe://a"s,
           "URI=spiffe://a,,URI=b"s,
           "Subject=CN=a;URI=spiffe://a"s,        // an equals sign without quotes
           R"(Subject="CN=a;URI=spiffe://a)"s,    // a quote that is not closed
           R"(Subject="CN=a\";URI=spiffe://a)"s,  // or is escaped
           R"(Subject="CN=a\)"s,                  // nothing to escape
           R"(Subject="CN=a"b;URI=spiffe://a)"s,  // more after a quoted text
           R"(Subject=""";URI=spiffe://a)"s,      //
           R"(Subject=a"b";URI=spiffe://a)"s,     // a quote in the middle
           R"(URI=spiffe://a")"s,
           R"(U"RI"=spiffe://a)"s,
           "U RI=spiffe://a"s,
           " URI=spiffe://a"s,
           "URI\0=spiffe://a"s,
       }) {
    EXPECT_EQ(ParseForwardedCertificateUri(value), std::nullopt) << value;
  }
}

// A proxy that appends to what it has received writes its element after text of the client's.
TEST(ForwardedCertificateTest, TextOfTheClientCannotHideTheProxysElement) {
  for (const char* element :
       {R"(,By=spiffe://b;Hash=00;Subject="CN=w";URI=spiffe://w)",
        R"(,By=spiffe://b;Hash=00;Subject="";URI=spiffe://w)", ",By=spiffe://b;URI=spiffe://w"}) {
    for (const char* text : {"URI=spiffe://admin", "URI=spiffe://admin;X=\"", "X=\"\\", "X=\"a\",Y",
                             "URI=spiffe://admin;X=\"\"", "X", "\"", ",", "X=\\", ""}) {
      const std::string value = std::string(text) + element;
      const std::string uri = ParseForwardedCertificateUri(value).value_or("spiffe://w");
      EXPECT_EQ(uri, "spiffe://w") << value;
    }
  }
}

}  // namespace
}  // namespace evalrun::authz
