// SPDX-License-Identifier: Apache-2.0
//
// File: space_saving.h
//
// The most frequent keys of a stream, in bounded memory: the algorithm Space-Saving (Metwally,
// Agrawal, El Abbadi: Efficient Computation of Frequent and Top-k Elements in Data Streams, 2005).
// Pure.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_SPACE_SAVING_H_
#define EVALRUN_SERVICE_OBSERVABILITY_SPACE_SAVING_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace evalrun::observability {

// Exact up to kCapacity different keys. Beyond that a new key takes the place of the rarest one;
// every key that makes up more than 1/kCapacity of the stream is in it. Not thread-safe.
class SpaceSaving {
 public:
  static constexpr std::size_t kCapacity = 64;
  // Longer keys are cut, and those that begin alike count as one.
  static constexpr std::size_t kMaxKeyBytes = 256;

  // Allocates only while it has seen fewer than kCapacity keys, or for a key that is longer than
  // those that were in its place before.
  void Add(std::string_view key);
  // Forgets all keys and keeps their memory.
  void Clear() { size_ = 0; }

  // Calls `visit(key, count)` for each key, in no order. `count` is how often the key certainly
  // occurred: the true number is not smaller, and greater by at most 1/kCapacity of the stream.
  template <typename Visitor>
  void ForEach(Visitor visit) const {
    for (std::size_t i = 0; i < size_; ++i) {
      visit(std::string_view(keys_[i]), counts_[i] - errors_[i]);
    }
  }

 private:
  // Of the key with this hash. kCapacity: it is not here.
  [[nodiscard]] std::size_t Find(std::size_t hash, std::string_view key) const;

  std::size_t size_ = 0;
  // By place. The hashes are searched first: one short loop.
  std::array<std::size_t, kCapacity> hashes_{};
  std::array<std::uint64_t, kCapacity> counts_{};
  // The count of the key that was in this place before: the key may have occurred as often there.
  std::array<std::uint64_t, kCapacity> errors_{};
  std::array<std::string, kCapacity> keys_;
};

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_SPACE_SAVING_H_
