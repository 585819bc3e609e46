// SPDX-License-Identifier: Apache-2.0
//
// File: reload_thread.h
//
// The thread that reloads the configuration and certificates when their files have changed and on
// SIGHUP, and does other periodic work.
#ifndef EVALRUN_SERVICE_RELOAD_RELOAD_THREAD_H_
#define EVALRUN_SERVICE_RELOAD_RELOAD_THREAD_H_

#include <atomic>
#include <chrono>
#include <functional>
#include <semaphore>
#include <string_view>
#include <thread>
#include <vector>

#include "service/observability/event_log.h"

namespace evalrun::reload {

// Keeps SIGHUP from ending the process. Call it before any other thread exists: they inherit it.
void BlockReloadSignal();

class ReloadThread {
 public:
  using Task = std::function<void(bool reload_requested)>;

  // Calls the tasks in turn, every second and on SIGHUP, which is a request to reload. What a task
  // throws ends that call of this task alone: it is reported by the event `reload_thread_error`
  // (with `reason`), the first time in a row. `events` outlives this object.
  ReloadThread(const observability::EventLog* events, std::vector<Task> tasks);
  // Returns when the task that is running has returned, unless Stop() was called.
  ~ReloadThread();
  ReloadThread(const ReloadThread&) = delete;
  ReloadThread& operator=(const ReloadThread&) = delete;

  // Ends the thread. Returns false when the task that is running has not returned within `timeout`,
  // as when a network file system does not respond. The process must then end by std::_Exit():
  // whenever the task goes on, it uses what destructors would destroy.
  [[nodiscard]] bool Stop(std::chrono::milliseconds timeout);

 private:
  void RequestStop();
  void Run();
  void Report(std::string_view reason);

  const observability::EventLog& events_;
  const std::vector<Task> tasks_;
  bool error_reported_ = false;  // the thread's own
  std::atomic<bool> stopping_{false};
  std::binary_semaphore ended_{0};
  std::thread thread_;
};

}  // namespace evalrun::reload

#endif  // EVALRUN_SERVICE_RELOAD_RELOAD_THREAD_H_
