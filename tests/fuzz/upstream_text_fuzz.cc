// SPDX-License-Identifier: Apache-2.0
//
// Text from an upstream is repeated to callers and in logs: as valid UTF-8, on one line, without
// the API key.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "rest_backend/deletion/utf8.h"
#include "service/handler/upstream_text.h"
#include "tests/fuzz/property.h"

namespace evalrun::fuzz {
namespace {

constexpr std::string_view kKey = "sk-KEY";  // short, so that the fuzzer finds it

void CheckUtf8(std::string_view bytes) {
  const std::string valid = deletion::ToValidUtf8(bytes);
  Require(deletion::ToValidUtf8(valid) == valid, "what was made valid is valid");
  for (const std::size_t max_bytes :
       {std::size_t{0}, std::size_t{1}, std::size_t{7}, bytes.size()}) {
    const std::string_view prefix = deletion::Utf8Prefix(valid, max_bytes);
    Require(prefix.size() <= max_bytes && valid.starts_with(prefix),
            "a prefix is one, within its size");
    Require(IsUtf8(prefix), "a prefix cuts no sequence");
    Require(prefix.size() + 4 > std::min(max_bytes, valid.size()),
            "a prefix is no shorter than it must");
  }
}

void CheckClean(std::string_view bytes) {
  const std::string clean = handler::CleanUpstreamText(bytes, kKey);
  Require(clean.find(kKey) == std::string::npos, "the key is not repeated");
  Require(IsUtf8(clean), "what is repeated is valid UTF-8");
  Require(std::ranges::none_of(clean, [](unsigned char c) { return c < 0x20 || c == 0x7F; }),
          "what is repeated has no control character");
  Require(handler::CleanUpstreamText(clean, kKey) == clean, "what is clean stays as it is");
}

}  // namespace
}  // namespace evalrun::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  evalrun::fuzz::CheckUtf8(bytes);
  evalrun::fuzz::CheckClean(bytes);
  return 0;
}
