// SPDX-License-Identifier: Apache-2.0
//
// File: restart.h
//
// Simulates a crash followed by a restart: the process is replaced by a new one in place.
#ifndef EVALRUN_REST_BACKEND_SERVER_FAULTS_RESTART_H_
#define EVALRUN_REST_BACKEND_SERVER_FAULTS_RESTART_H_

#include <signal.h>

#include <mutex>
#include <optional>
#include <string>

#include "rest_backend/server/flags.h"

namespace evalrun::backend {

// Connects the threads that hit a `restart` fault with the thread that waits for termination
// signals. A process that has been told to stop does not restart, and no termination signal is lost
// in a restart.
class RestartRequest {
 public:
  // SIGTERM, SIGINT and the signal that wakes WaitForSignal(). They must be blocked before any
  // thread is started.
  [[nodiscard]] static sigset_t Signals();

  // Requests a restart with `state` and blocks. Returns only if the process is stopping already.
  // Thread-safe.
  void RequestRestart(const std::string& state);

  // Waits for SIGTERM or SIGINT and returns its number. If a restart is requested first, calls
  // RestartProcess() with `flags` instead; a signal that arrives meanwhile is passed to the new
  // process.
  [[nodiscard]] int WaitForSignal(const Flags& flags);

 private:
  std::mutex mutex_;
  std::optional<std::string> state_;  // guarded by mutex_
  bool stopping_ = false;             // guarded by mutex_
};

// Executes this program anew in this process, with `flags` and, as `flags.resume`, a file that
// contains `state`. All requests in flight are lost, without any response. Does not return; if the
// program cannot be executed, exits with status 70.
[[noreturn]] void RestartProcess(Flags flags, const std::string& state);

// Reads the `state` that was passed to RestartProcess(). Closes `file` and every other inherited
// descriptor, so that the peers of the previous process see their connections end. Must be called
// before anything is opened.
[[nodiscard]] std::string ReadStateFile(int file);

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_FAULTS_RESTART_H_
