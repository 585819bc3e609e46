#include "service/reload/reload_thread.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

#include <chrono>
#include <utility>

namespace evalrun::reload {
namespace {

constexpr timespec kPollInterval = {.tv_sec = 1, .tv_nsec = 0};

sigset_t ReloadSignal() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGHUP);
  return signals;
}

}  // namespace

void BlockReloadSignal() {
  const sigset_t signals = ReloadSignal();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

ReloadThread::ReloadThread(Reloader* reloader, std::function<void(bool)> on_tick)
    : reloader_(*reloader), on_tick_(std::move(on_tick)), thread_([this] { Run(); }) {}

ReloadThread::~ReloadThread() {
  stopping_ = true;
  pthread_kill(thread_.native_handle(), SIGHUP);  // wakes it
  thread_.join();
}

void ReloadThread::Run() {
  const sigset_t signals = ReloadSignal();
  while (true) {
    const bool reload_requested = sigtimedwait(&signals, nullptr, &kPollInterval) == SIGHUP;
    if (stopping_) return;
    const auto now = std::chrono::system_clock::now();
    on_tick_(reload_requested);
    reload_requested ? reloader_.Reload(now) : reloader_.CheckForChanges(now);
  }
}

}  // namespace evalrun::reload
