// SPDX-License-Identifier: Apache-2.0

#include "service/observability/periodic_thread.h"

#include <utility>

namespace evalrun::observability {

PeriodicThread::PeriodicThread(Task task) : task_(std::move(task)), thread_([this] { Run(); }) {}

PeriodicThread::~PeriodicThread() {
  if (!thread_.joinable()) return;
  RequestStop();
  thread_.join();
}

void PeriodicThread::Request() {
  {
    const std::lock_guard lock(mutex_);
    requested_ = true;
  }
  wake_.notify_one();
}

void PeriodicThread::RequestStop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
}

bool PeriodicThread::Stop(std::chrono::milliseconds timeout) {
  RequestStop();
  if (!ended_.try_acquire_for(timeout)) return false;
  thread_.join();
  return true;
}

void PeriodicThread::Run() {
  std::unique_lock lock(mutex_);
  bool is_retry = false;  // of a request
  while (true) {
    wake_.wait_for(lock, std::chrono::seconds(1), [this] { return requested_ || stopping_; });
    if (stopping_) break;
    const bool requested = std::exchange(requested_, false) || is_retry;
    lock.unlock();
    is_retry = false;
    try {
      task_(requested);
    } catch (...) {  // no memory
      is_retry = requested;
    }
    lock.lock();
  }
  lock.unlock();
  ended_.release();
}

}  // namespace evalrun::observability
