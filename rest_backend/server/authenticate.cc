// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/server/authenticate.h"

#include <optional>
#include <utility>

#include "rest_backend/server/timestamp.h"

namespace evalrun::backend {
namespace {

std::string_view Describe(Permission permission) {
  switch (permission) {
    case kMayRead:
      return "read eval runs";
    case kMayCreate:
      return "create eval runs";
    case kMayDelete:
      return "delete eval runs";
  }
  return "";
}

}  // namespace

OrError<ApiKey> Authenticate(std::string_view secret, Permission permission, Store& store,
                             Quota& quota, const IsMissing& is_missing) {
  if (secret.empty()) return InvalidKey("the header `x-api-key` is missing or empty");
  absl::StatusOr<std::optional<ApiKey>> found = store.FindApiKey(secret);
  if (!found.ok()) return InternalError(found.status());
  if (!found->has_value()) return InvalidKey("this API key is not valid");
  ApiKey& key = **found;
  if (key.expires_at && *key.expires_at <= Now()) return ExpiredKey();
  if (key.requests_per_minute) {
    const auto wait = quota.TryAcquire(key.name, *key.requests_per_minute, Quota::Clock::now());
    if (wait) return QuotaExceeded(*wait);
  }
  if (key.organization_deleted || is_missing(key.organization_uuid)) return NotFound();
  if ((key.permissions & permission) == 0) return InsufficientPermissions(Describe(permission));
  return std::move(key);
}

}  // namespace evalrun::backend
