// SPDX-License-Identifier: Apache-2.0
//
// File: periodic_thread.h
//
// A thread for periodic work that may block, as work with files may.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_PERIODIC_THREAD_H_
#define EVALRUN_SERVICE_OBSERVABILITY_PERIODIC_THREAD_H_

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <semaphore>
#include <thread>

namespace evalrun::observability {

// Thread-safe, except for Stop().
class PeriodicThread {
 public:
  using Task = std::function<void(bool requested)>;

  // Calls `task` every second, and at once after Request(). What it throws ends only that call; a
  // request is then repeated a second later.
  explicit PeriodicThread(Task task);
  ~PeriodicThread();  // waits for the end of the call that is running, unless Stop() was called
  PeriodicThread(const PeriodicThread&) = delete;
  PeriodicThread& operator=(const PeriodicThread&) = delete;

  // Calls the task soon, with `requested`. Does not wait for it.
  void Request();

  // Ends the thread. Returns false when the call that is running has not returned within `timeout`.
  // The process must then end by std::_Exit(): whenever the task goes on, it uses what destructors
  // would destroy. To be called once.
  [[nodiscard]] bool Stop(std::chrono::milliseconds timeout);

 private:
  void RequestStop();
  void Run();

  const Task task_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool requested_ = false;  // guarded by mutex_
  bool stopping_ = false;   // guarded by mutex_
  std::binary_semaphore ended_{0};
  std::thread thread_;
};

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_PERIODIC_THREAD_H_
