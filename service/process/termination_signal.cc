#include "service/process/termination_signal.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

namespace evalrun::process {
namespace {

sigset_t TerminationSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

}  // namespace

void BlockTerminationSignals() {
  const sigset_t signals = TerminationSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

void WaitForTerminationSignal() {
  const sigset_t signals = TerminationSignals();
  int signal = 0;
  sigwait(&signals, &signal);
}

void WaitForTerminationSignal(std::chrono::microseconds at_most) {
  const sigset_t signals = TerminationSignals();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(at_most);
  const timespec timeout{.tv_sec = seconds.count(),
                         .tv_nsec = std::chrono::nanoseconds(at_most - seconds).count()};
  sigtimedwait(&signals, nullptr, &timeout);
}

}  // namespace evalrun::process
