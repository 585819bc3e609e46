#include "service/reload/reload_thread.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

#include <chrono>
#include <utility>

namespace evalrun::reload {
namespace {

constexpr timespec kLookEvery = {.tv_sec = 1, .tv_nsec = 0};

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

ReloadThread::ReloadThread(Reloader* reloader, std::function<void(bool)> tend)
    : reloader_(*reloader), tend_(std::move(tend)), thread_([this] { Run(); }) {}

ReloadThread::~ReloadThread() {
  stopping_ = true;
  pthread_kill(thread_.native_handle(), SIGHUP);  // wakes it
  thread_.join();
}

void ReloadThread::Run() {
  const sigset_t signals = ReloadSignal();
  while (true) {
    const bool was_asked = sigtimedwait(&signals, nullptr, &kLookEvery) == SIGHUP;
    if (stopping_) return;
    const auto now = std::chrono::system_clock::now();
    tend_(was_asked);
    was_asked ? reloader_.Reload(now) : reloader_.Look(now);
  }
}

}  // namespace evalrun::reload
