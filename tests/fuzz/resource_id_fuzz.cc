// SPDX-License-Identifier: Apache-2.0
//
// A run's id and, after the first newline, a workspace's id: a well-formed id needs no escaping in
// a URL.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "rest_backend/deletion/resource_id.h"
#include "tests/fuzz/property.h"
#include "tests/fuzz/request_target.h"

namespace evalrun::fuzz {
namespace {

using deletion::CanonicalId;
using deletion::IdFormat;
using deletion::IsWellFormedId;

constexpr std::size_t kMaxOpaqueIdBytes = 128;
constexpr std::size_t kUuidLength = 36;

void CheckId(std::string_view id, IdFormat format) {
  if (!IsWellFormedId(id, format)) return;
  Require(!id.empty() && ConsistsOf(id, kIdCharacters), "an id needs no encoding");
  Require(!ConsistsOf(id, "."), "an id is no dot segment");

  const std::string canonical = CanonicalId(id);
  Require(CanonicalId(canonical) == canonical, "a canonical id is its own canonical form");
  if (format == IdFormat::kOpaque) {
    Require(id.size() <= kMaxOpaqueIdBytes, "an opaque id is at most 128 characters");
    return;
  }
  Require(canonical.size() == kUuidLength && ConsistsOf(canonical, "0123456789abcdef-"),
          "a canonical id is a bare UUID in lower case");
  Require(CanonicalId("workspace." + canonical) == canonical, "a type prefix changes no name");
  Require(id.size() > kMaxOpaqueIdBytes || IsWellFormedId(id, IdFormat::kOpaque),
          "a UUID is an opaque id too");
}

}  // namespace
}  // namespace evalrun::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using evalrun::deletion::IdFormat;
  std::string_view workspace(reinterpret_cast<const char*>(data), size);
  const std::string_view run = evalrun::fuzz::ConsumeUntil("\n", &workspace);
  for (const IdFormat format : {IdFormat::kUuid, IdFormat::kOpaque}) {
    evalrun::fuzz::CheckId(run, format);
    evalrun::fuzz::CheckId(workspace, format);
    if (!evalrun::deletion::IsWellFormedId(run, format)) continue;
    evalrun::fuzz::CheckRequestTarget(run, std::nullopt);
    if (!evalrun::deletion::IsWellFormedId(workspace, format)) continue;
    evalrun::fuzz::CheckRequestTarget(run, workspace);
  }
  return 0;
}
