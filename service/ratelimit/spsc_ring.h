// SPDX-License-Identifier: Apache-2.0
//
// File: spsc_ring.h
//
// A lock-free queue of fixed size with a single producer thread and a single consumer thread. Slots
// keep their memory: a new element is written over an old one.
#ifndef EVALRUN_SERVICE_RATELIMIT_SPSC_RING_H_
#define EVALRUN_SERVICE_RATELIMIT_SPSC_RING_H_

#include <atomic>
#include <cstddef>
#include <vector>

namespace evalrun::ratelimit {

template <typename T>
class SpscRing {
 public:
  explicit SpscRing(std::size_t capacity) : slots_(capacity) {}

  // Producer only. The slot to write to before Push(), or nullptr when the ring is full.
  [[nodiscard]] T* FreeSlot() {
    return pushed_.load(std::memory_order_relaxed) - popped_.load(std::memory_order_acquire) <
                   slots_.size()
               ? &slots_[pushed_.load(std::memory_order_relaxed) % slots_.size()]
               : nullptr;
  }
  void Push() {
    pushed_.store(pushed_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }

  // Consumer only. The oldest element, or nullptr when the ring is empty. Pop() removes it.
  [[nodiscard]] T* Front() { return Peek(0); }
  // Consumer only. The element after the `before` oldest ones, or nullptr when there is none.
  [[nodiscard]] T* Peek(std::size_t before) {
    const std::size_t popped = popped_.load(std::memory_order_relaxed);
    return pushed_.load(std::memory_order_acquire) - popped > before
               ? &slots_[(popped + before) % slots_.size()]
               : nullptr;
  }
  void Pop() {
    popped_.store(popped_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }

 private:
  std::vector<T> slots_;
  std::atomic<std::size_t> pushed_{0};
  std::atomic<std::size_t> popped_{0};
};

}  // namespace evalrun::ratelimit

#endif  // EVALRUN_SERVICE_RATELIMIT_SPSC_RING_H_
