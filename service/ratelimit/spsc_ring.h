// File: spsc_ring.h
//
// A queue of fixed size from one thread to one other, without locks. Its slots keep their memory:
// what is pushed is written into a slot that was used before.
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

  // For the pushing thread. The slot to write to, or nullptr when the ring is full; then Push().
  [[nodiscard]] T* FreeSlot() {
    return pushed_.load(std::memory_order_relaxed) - popped_.load(std::memory_order_acquire) <
                   slots_.size()
               ? &slots_[pushed_.load(std::memory_order_relaxed) % slots_.size()]
               : nullptr;
  }
  void Push() {
    pushed_.store(pushed_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }

  // For the popping thread. The oldest slot, or nullptr when the ring is empty; then Pop().
  [[nodiscard]] T* Front() { return Peek(0); }
  // The slot that is the oldest when `before` have been popped, or nullptr when there is none yet.
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
