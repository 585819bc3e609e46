// SPDX-License-Identifier: Apache-2.0
//
// `x-forwarded-client-cert`: whatever a client sends, the element that a proxy appends to it is the
// one that counts, or none does.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "service/authz/forwarded_certificate.h"
#include "tests/fuzz/property.h"

namespace evalrun::fuzz {
namespace {

using authz::ParseForwardedCertificateUri;

constexpr std::string_view kUri = "spiffe://prod/worker";

void CheckAppended(std::string_view client, std::string_view element) {
  const std::optional<std::string> uri =
      ParseForwardedCertificateUri(std::string(client).append(element).append(kUri));
  Require(!uri.has_value() || *uri == kUri, "the last element is the proxy's");
  const bool is_well_formed = ParseForwardedCertificateUri(client).has_value();
  Require(!is_well_formed || uri.has_value(), "a well-formed value can be appended to");
}

void CheckAlone(std::string_view value) {
  const std::optional<std::string> uri = ParseForwardedCertificateUri(value);
  if (!uri.has_value()) return;
  Require(!uri->empty() && uri->size() < value.size(), "a URI is a part of the value");
  const std::string text(value);
  Require(ParseForwardedCertificateUri("Hash=00," + text) == uri, "earlier elements do not count");
  Require(ParseForwardedCertificateUri(text + ";Hash=00") == uri, "nor do other keys");
  Require(!ParseForwardedCertificateUri(text + ";URI=x").has_value(), "one URI only");
  Require(!ParseForwardedCertificateUri(text + ",").has_value(), "an element has a key");
}

}  // namespace
}  // namespace evalrun::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view value(reinterpret_cast<const char*>(data), size);
  evalrun::fuzz::CheckAlone(value);
  evalrun::fuzz::CheckAppended(value, R"(,By=spiffe://b;Hash=00;Subject="";URI=)");
  evalrun::fuzz::CheckAppended(value, R"(,By=spiffe://b;Hash=00;Subject="CN=w";URI=)");
  evalrun::fuzz::CheckAppended(value, ",By=spiffe://b;URI=");
  return 0;
}
