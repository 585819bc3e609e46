// SPDX-License-Identifier: Apache-2.0

#include "service/cli/interrupt_signal.h"

#include <signal.h>

#include <atomic>

namespace evalrun::cli {
namespace {

// Lock-free, so that a signal handler may access them.
std::atomic<int> count = 0;
std::atomic<int> first = 0;
static_assert(std::atomic<int>::is_always_lock_free);

void Handle(int signal, void (*handler)(int)) {
  // Both calls fail only for a signal that does not exist.
  struct sigaction action {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(signal, &action, nullptr);
}

void Count(int signal) {
  const int before = count++;
  if (before == 0) first = signal;
  if (before > 0) Handle(signal, SIG_DFL);
}

}  // namespace

void InstallInterruptHandler() {
  Handle(SIGINT, &Count);
  Handle(SIGTERM, &Count);
  struct sigaction hangup {};
  if (sigaction(SIGHUP, nullptr, &hangup) != 0 || hangup.sa_handler == SIG_IGN) return;
  Handle(SIGHUP, &Count);
}

Interrupt CurrentInterrupt() {
  const int so_far = count;
  if (so_far == 0) return Interrupt::kNone;
  return so_far == 1 ? Interrupt::kDrain : Interrupt::kCancel;
}

int InterruptExitStatus() { return 128 + first; }

}  // namespace evalrun::cli
