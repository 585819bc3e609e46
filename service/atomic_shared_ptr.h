// SPDX-License-Identifier: Apache-2.0
//
// File: atomic_shared_ptr.h
//
// A value that one thread replaces while others use it.
#ifndef EVALRUN_SERVICE_ATOMIC_SHARED_PTR_H_
#define EVALRUN_SERVICE_ATOMIC_SHARED_PTR_H_

#include <memory>
#include <mutex>
#include <utility>

namespace evalrun::service {

// Thread-safe.
template <typename T>
class AtomicSharedPtr {
 public:
  AtomicSharedPtr() : AtomicSharedPtr(T()) {}
  explicit AtomicSharedPtr(T value) : value_(std::make_shared<const T>(std::move(value))) {}

  void Set(T value) {
    auto next = std::make_shared<const T>(std::move(value));
    const std::lock_guard lock(mutex_);
    value_.swap(next);
  }

  // The value does not change for its holders when another one is set.
  [[nodiscard]] std::shared_ptr<const T> Get() const {
    const std::lock_guard lock(mutex_);
    return value_;
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const T> value_;  // guarded by mutex_; never null
};

}  // namespace evalrun::service

#endif  // EVALRUN_SERVICE_ATOMIC_SHARED_PTR_H_
