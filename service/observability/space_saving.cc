// SPDX-License-Identifier: Apache-2.0

#include "service/observability/space_saving.h"

#include <algorithm>
#include <functional>
#include <iterator>

namespace evalrun::observability {

std::size_t SpaceSaving::Find(std::size_t hash, std::string_view key) const {
  for (std::size_t i = 0; i < size_; ++i) {
    if (hashes_[i] == hash && keys_[i] == key) return i;
  }
  return kCapacity;
}

void SpaceSaving::Add(std::string_view key) {
  key = key.substr(0, kMaxKeyBytes);
  const std::size_t hash = std::hash<std::string_view>()(key);
  if (const std::size_t place = Find(hash, key); place != kCapacity) {
    ++counts_[place];
    return;
  }
  std::size_t place = size_;
  if (size_ < kCapacity) {
    ++size_;
    counts_[place] = 0;
  } else {
    place =
        static_cast<std::size_t>(std::distance(counts_.begin(), std::ranges::min_element(counts_)));
  }
  errors_[place] = counts_[place];
  ++counts_[place];
  hashes_[place] = hash;
  keys_[place].assign(key);
}

}  // namespace evalrun::observability
