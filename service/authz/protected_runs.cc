// SPDX-License-Identifier: Apache-2.0

#include "service/authz/protected_runs.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "rest_backend/deletion/resource_id.h"

namespace evalrun::authz {
namespace {

template <typename Id>
void SortAndDeduplicate(std::vector<Id>* ids) {
  std::ranges::sort(*ids);
  // Not std::ranges::unique(): clang 14 does not compile its result.
  ids->erase(std::unique(ids->begin(), ids->end()), ids->end());
  ids->shrink_to_fit();
}

}  // namespace

std::optional<ProtectedRuns::Uuid> ProtectedRuns::ToUuid(std::string_view trailing_uuid) {
  if (trailing_uuid.empty()) return std::nullopt;
  Uuid uuid;
  for (const char c : trailing_uuid) {
    if (c == '-') continue;
    const int digit = c <= '9' ? c - '0' : c - 'a' + 10;
    uuid.high = uuid.high << 4U | uuid.low >> 60U;
    uuid.low = uuid.low << 4U | static_cast<std::uint64_t>(digit);
  }
  return uuid;
}

void ProtectedRuns::Builder::Add(std::string_view id) {
  if (const std::optional<Uuid> uuid = ToUuid(deletion::TrailingUuid(id))) {
    uuids_.push_back(*uuid);
  } else {
    others_.emplace_back(id);
  }
}

ProtectedRuns ProtectedRuns::Builder::Build() && { return ProtectedRuns(std::move(*this)); }

ProtectedRuns::ProtectedRuns(Builder builder)
    : uuids_(std::move(builder.uuids_)), others_(std::move(builder.others_)) {
  SortAndDeduplicate(&uuids_);
  SortAndDeduplicate(&others_);
}

bool ProtectedRuns::Contains(std::string_view id) const {
  const std::optional<Uuid> uuid = ToUuid(deletion::TrailingUuid(id));
  return uuid.has_value() ? std::ranges::binary_search(uuids_, *uuid)
                          : std::ranges::binary_search(others_, id, std::less<>());
}

}  // namespace evalrun::authz
