// File: restart.h
//
// A crash that mends itself: the process is replaced by a new one, in place.
#ifndef EVALRUN_REST_BACKEND_SERVER_FAULTS_RESTART_H_
#define EVALRUN_REST_BACKEND_SERVER_FAULTS_RESTART_H_

#include <signal.h>

#include <mutex>
#include <optional>
#include <string>

#include "rest_backend/server/flags.h"

namespace evalrun::backend {

// Between the threads that meet a crash in the fault script and the one that waits for a signal to
// stop: a process that has been told to stop does not come back, and no such signal is lost with
// the process that it was sent to.
class RestartRequest {
 public:
  // SIGTERM, SIGINT and the one by which WaitForSignal is woken: to be blocked before any thread
  // begins.
  [[nodiscard]] static sigset_t Signals();

  // Asks for a restart with `state`, and waits for the end. Returns only where the process is
  // stopping already. From any thread.
  void RequestRestart(const std::string& state);

  // Waits for SIGTERM or SIGINT and gives its number. When a restart is asked for first, calls
  // RestartProcess with `flags` instead; a signal that came meanwhile is left to the next process.
  [[nodiscard]] int WaitForSignal(const Flags& flags);

 private:
  std::mutex mutex_;
  std::optional<std::string> state_;  // guarded by mutex_
  bool stopping_ = false;             // guarded by mutex_
};

// Runs this program anew in this process, with `flags` and, as `flags.resume`, a file that holds
// `state`. Everything in flight is lost: no other thread gets to say a last word. Does not return;
// where the program cannot be run, the process ends with exit status 70.
[[noreturn]] void RestartProcess(Flags flags, const std::string& state);

// What RestartProcess was given as `state`. Closes `file` and every other descriptor that this
// process has inherited, so that the peers of the process before see its end. To be called before
// anything is opened.
[[nodiscard]] std::string ReadStateFile(int file);

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_FAULTS_RESTART_H_
