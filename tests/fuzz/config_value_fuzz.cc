// SPDX-License-Identifier: Apache-2.0
//
// The parsers of settings, one by one: an accepted value is well-formed and round-trips; errors do
// not repeat a rejected one.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <absl/strings/ascii.h>
#include <absl/strings/str_replace.h>

#include "service/config/address.h"
#include "service/config/api_key.h"
#include "service/config/duration.h"
#include "service/config/text.h"
#include "service/config/upstream_url.h"
#include "service/text/duration.h"
#include "tests/fuzz/property.h"

namespace evalrun::fuzz {
namespace {

bool IsVisibleAscii(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return absl::ascii_isgraph(c); });
}

void CheckDuration(std::string_view text) {
  const auto duration = text::ParseDuration(text);
  if (!duration.has_value()) return;
  Require(duration->count() >= 0 && *duration <= text::kMaxDuration,
          "a duration is from 0 to a year");
  Require(text::ParseDuration(text::FormatDuration(*duration)) == duration,
          "a duration reads back");
  Require(config::ToMicroseconds(config::ToProto(*duration)) == *duration,
          "a duration survives protobuf");
}

void CheckHostPort(std::string_view text) {
  const auto address = config::ParseListenAddress(text);
  if (!address.ok()) return;
  const bool is_ipv6 = config::IsIpv6Address(address->host);
  Require(is_ipv6 || config::IsHostName(address->host), "an address has a host");
  const std::string written =
      (is_ipv6 ? "[" + address->host + "]" : address->host) + ":" + std::to_string(address->port);
  const auto again = config::ParseListenAddress(written);
  Require(again.ok() && *again == *address, "an address reads back");
}

void CheckUpstreamUrl(std::string_view text) {
  const auto url = config::ParseUpstreamUrl(text);
  if (!url.ok()) return;
  Require(IsVisibleAscii(text), "a URL is visible ASCII");
  Require(url->scheme == "http" || url->scheme == "https", "a URL is of http or https");
  Require(url->port != 0, "a URL has a port");
  const std::string& path = url->base_path;
  Require(path.empty() || (path.front() == '/' && path.back() != '/'),
          "a base path begins with a slash and does not end with one");
  Require(path.find_first_of("?#\\ ") == std::string::npos, "a base path is a path alone");
  const std::string segments = absl::StrReplaceAll(path + "/", {{"%2e", "."}, {"%2E", "."}});
  for (const char* segment : {"//", "/./", "/../"}) {
    Require(segments.find(segment) == std::string::npos,
            "a base path has neither empty nor dot segments");
  }
  const auto again = config::ParseUpstreamUrl(url->Origin() + path);
  Require(again.ok() && *again == *url, "a URL reads back");
}

void CheckProxyUrl(std::string_view text) {
  const std::string masked = config::MaskCredentials(text);
  const std::size_t at = masked.find_last_of('@');
  Require((at == std::string::npos) == (text.find('@') == std::string_view::npos),
          "credentials are masked, not dropped");
  Require(at == std::string::npos || masked.substr(0, at).ends_with("****"),
          "what stands before the last @ is masked");
  Require(!config::CheckProxyUrl(text).ok() || IsVisibleAscii(text), "a proxy is visible ASCII");
}

void CheckApiKey(const std::string& text) {
  constexpr const char* kCanary = "cAnArY7";
  const config::FileReader read = [&text](const std::string&, std::size_t) { return text; };
  const auto key = config::FindApiKey("file", {}, read);
  if (!key.ok()) {
    const auto other = config::FindApiKey(
        "file", {}, [&text](const std::string&, std::size_t) { return kCanary + text; });
    Require(other.ok() || std::string(other.status().message()).find(kCanary) == std::string::npos,
            "a key that is refused is not repeated");
    return;
  }
  const std::string_view bytes = key->key.RevealForSending();
  Require(!bytes.empty() && bytes.size() <= config::kMaxApiKeyBytes && IsVisibleAscii(bytes),
          "a key is one line of visible ASCII");
  Require(text.starts_with(bytes) && text.size() <= bytes.size() + 2, "a key is what the file has");
}

void CheckEscape(std::string_view text) {
  Require(std::ranges::all_of(config::Escape(text),
                              [](unsigned char c) { return absl::ascii_isprint(c); }),
          "what is shown is printable ASCII");
  Require(config::Escape(text).size() <= 4 * 100 + 3, "what is shown is short");
  Require(!config::IsPlainText(text) || IsUtf8(text), "plain text is valid UTF-8");
}

}  // namespace
}  // namespace evalrun::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  evalrun::fuzz::CheckDuration(text);
  evalrun::fuzz::CheckHostPort(text);
  evalrun::fuzz::CheckUpstreamUrl(text);
  evalrun::fuzz::CheckProxyUrl(text);
  evalrun::fuzz::CheckApiKey(std::string(text));
  evalrun::fuzz::CheckEscape(text);
  return 0;
}
