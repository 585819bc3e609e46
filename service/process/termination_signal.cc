// SPDX-License-Identifier: Apache-2.0

#include "service/process/termination_signal.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace evalrun::process {
namespace {

using Clock = std::chrono::steady_clock;

sigset_t TerminationSignals() {
  sigset_t signals;
  // These fail only for a signal that does not exist.
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

// Sent to a TerminationSignalThread to end it: unlike a descriptor, it is always there.
int StopSignal() { return SIGRTMIN; }

sigset_t TerminationAndStopSignals() {
  sigset_t signals = TerminationSignals();
  sigaddset(&signals, StopSignal());
  return signals;
}

}  // namespace

void BlockTerminationSignals() {
  const sigset_t signals = TerminationAndStopSignals();
  // Fails only for an unknown first argument.
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

bool WaitForTerminationSignal(std::chrono::microseconds at_most) {
  const sigset_t signals = TerminationSignals();
  const auto deadline = Clock::now() + at_most;
  while (true) {
    const auto left = std::max(Clock::duration::zero(), deadline - Clock::now());
    const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
    const timespec timeout{.tv_sec = seconds.count(),
                           .tv_nsec = std::chrono::nanoseconds(left - seconds).count()};
    if (sigtimedwait(&signals, nullptr, &timeout) >= 0) return true;
    if (errno != EINTR)
      return false;  // EAGAIN: the time is up. A stopped process that continues: EINTR
  }
}

TerminationSignalThread::TerminationSignalThread(std::function<void(int signal)> on_signal)
    : thread_([on_signal = std::move(on_signal)] {
        const sigset_t signals = TerminationAndStopSignals();
        int signal = 0;
        // Fails only for a signal that does not exist; glibc continues after EINTR.
        while (sigwait(&signals, &signal) == 0 && signal != StopSignal()) on_signal(signal);
      }) {}

TerminationSignalThread::~TerminationSignalThread() {
  pthread_kill(thread_.native_handle(), StopSignal());  // cannot fail before join()
  thread_.join();
}

void ExitAtOnce(int signal) { _exit(128 + signal); }

}  // namespace evalrun::process
