// SPDX-License-Identifier: Apache-2.0
//
// File: termination_signal.h
//
// Waiting for SIGTERM and SIGINT, instead of handling them asynchronously.
#ifndef EVALRUN_SERVICE_PROCESS_TERMINATION_SIGNAL_H_
#define EVALRUN_SERVICE_PROCESS_TERMINATION_SIGNAL_H_

#include <chrono>
#include <functional>
#include <thread>

namespace evalrun::process {

// Blocks both signals in all threads, and the one that TerminationSignalThread needs. Call it
// before any other thread exists: they inherit it.
void BlockTerminationSignals();

// Waits for either signal, for `at_most`. Returns whether one came.
bool WaitForTerminationSignal(std::chrono::microseconds at_most);

// Waits for both signals on a thread of its own until it is destroyed. They must be blocked.
class TerminationSignalThread {
 public:
  // Calls `on_signal` on the thread, with the number of each signal that comes.
  explicit TerminationSignalThread(std::function<void(int signal)> on_signal);
  ~TerminationSignalThread();
  TerminationSignalThread(const TerminationSignalThread&) = delete;
  TerminationSignalThread& operator=(const TerminationSignalThread&) = delete;

 private:
  std::thread thread_;
};

// Ends the process at once, with exit status 143 for SIGTERM and 130 for SIGINT. For the time
// before there is something to shut down, when what runs may wait for a file that does not respond:
// a signal handler would then wait, too.
[[noreturn]] void ExitAtOnce(int signal);

}  // namespace evalrun::process

#endif  // EVALRUN_SERVICE_PROCESS_TERMINATION_SIGNAL_H_
