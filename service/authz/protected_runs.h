// SPDX-License-Identifier: Apache-2.0
//
// File: protected_runs.h
//
// The eval runs that must not be deleted. Pure.
#ifndef EVALRUN_SERVICE_AUTHZ_PROTECTED_RUNS_H_
#define EVALRUN_SERVICE_AUTHZ_PROTECTED_RUNS_H_

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace evalrun::authz {

// Immutable once it is built, and then thread-safe. A UUID takes 16 bytes, in one sorted array;
// another id (`ids.opaque`) the size of a std::string, and its text when that is longer than 15
// bytes. Contains() is a binary search.
class ProtectedRuns {
  struct Uuid {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    auto operator<=>(const Uuid &) const = default;
  };

 public:
  class Builder {
   public:
    // `id` is well-formed.
    void Add(std::string_view id);
    [[nodiscard]] std::size_t size() const { return uuids_.size() + others_.size(); }
    // An id that was added more than once counts once.
    [[nodiscard]] ProtectedRuns Build() &&;

   private:
    friend class ProtectedRuns;
    std::vector<Uuid> uuids_;
    std::vector<std::string> others_;
  };

  // `id` is well-formed. An id that ends with a UUID counts as that run, however it is written:
  // whatever a lenient upstream may take for a run of the list must not be deleted.
  [[nodiscard]] bool Contains(std::string_view id) const;

  [[nodiscard]] std::size_t size() const { return uuids_.size() + others_.size(); }

 private:
  explicit ProtectedRuns(Builder builder);

  // Empty: `trailing_uuid`, of deletion::TrailingUuid(), is.
  static std::optional<Uuid> ToUuid(std::string_view trailing_uuid);

  std::vector<Uuid> uuids_;          // sorted
  std::vector<std::string> others_;  // sorted
};

}  // namespace evalrun::authz

#endif  // EVALRUN_SERVICE_AUTHZ_PROTECTED_RUNS_H_
