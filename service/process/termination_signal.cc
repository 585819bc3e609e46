// SPDX-License-Identifier: Apache-2.0

#include "service/process/termination_signal.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

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

}  // namespace

void ExitOnTerminationSignals() {
  for (const int signal : {SIGTERM, SIGINT}) {
    struct sigaction action {};
    action.sa_handler = [](int number) { _exit(128 + number); };
    sigaction(signal, &action, nullptr);  // fails only for a signal that does not exist
  }
}

void BlockTerminationSignals() {
  const sigset_t signals = TerminationSignals();
  // Fails only for an unknown first argument.
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

void WaitForTerminationSignal() {
  const sigset_t signals = TerminationSignals();
  int signal = 0;
  // Fails only for a signal that does not exist; glibc continues after EINTR.
  sigwait(&signals, &signal);
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

}  // namespace evalrun::process
