// SPDX-License-Identifier: Apache-2.0

#include "service/authz/key_ring.h"

#include <atomic>
#include <cstdint>
#include <cstring>

namespace evalrun::authz {
namespace {

constexpr std::string_view kHeader = "x-api-key: ";

std::string MakeKeyId() {
  static std::atomic<std::uint64_t> next = 0;
  return std::to_string(next.fetch_add(1, std::memory_order_relaxed));
}

}  // namespace

// Allocated at its final size: a reallocation would leave a copy of the secret behind.
UpstreamKey::UpstreamKey(std::string name, std::string_view secret)
    : name_(std::move(name)), id_(MakeKeyId()), header_line_(kHeader.size() + secret.size() + 1) {
  kHeader.copy(header_line_.data(), kHeader.size());
  secret.copy(header_line_.data() + kHeader.size(), secret.size());
}

// Unlike memset(), explicit_bzero() is not optimised away before the memory is freed.
UpstreamKey::~UpstreamKey() { explicit_bzero(header_line_.data(), header_line_.size()); }

std::string_view UpstreamKey::secret() const {
  return std::string_view(header_line_.data(), header_line_.size() - 1).substr(kHeader.size());
}

const KeyRing::Key& KeyRing::Select(std::string_view caller, std::string_view workspace) const {
  for (const Entry& entry : entries_) {
    if (entry.scope.Matches(caller, workspace)) return entry.key;
  }
  return fallback_;
}

bool KeyRing::Contains(const UpstreamKey& key) const {
  const auto is_same = [&key](const Key& other) {
    return other->name() == key.name() && other->secret() == key.secret();
  };
  if (is_same(fallback_)) return true;
  for (const Entry& entry : entries_) {
    if (is_same(entry.key)) return true;
  }
  return false;
}

std::vector<std::string> KeyRing::KeysChangedSince(const KeyRing& before) const {
  std::vector<std::string> names;
  if (!before.Contains(*fallback_)) names.push_back(fallback_->name());
  for (const Entry& entry : entries_) {
    if (!before.Contains(*entry.key)) names.push_back(entry.key->name());
  }
  return names;
}

}  // namespace evalrun::authz
