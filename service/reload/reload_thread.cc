// SPDX-License-Identifier: Apache-2.0

#include "service/reload/reload_thread.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

#include <exception>
#include <utility>

namespace evalrun::reload {
namespace {

constexpr timespec kPollInterval = {.tv_sec = 1, .tv_nsec = 0};

sigset_t ReloadSignal() {
  sigset_t signals;
  // These two fail only for a signal that does not exist.
  sigemptyset(&signals);
  sigaddset(&signals, SIGHUP);
  return signals;
}

}  // namespace

void BlockReloadSignal() {
  const sigset_t signals = ReloadSignal();
  // Fails only for an unknown first argument.
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

ReloadThread::ReloadThread(const observability::EventLog* events, std::vector<Task> tasks)
    : events_(*events), tasks_(std::move(tasks)), thread_([this] { Run(); }) {}

ReloadThread::~ReloadThread() {
  if (!thread_.joinable()) return;
  RequestStop();
  thread_.join();
}

void ReloadThread::RequestStop() {
  stopping_ = true;
  // Wakes it. Cannot fail: the thread has not been joined.
  pthread_kill(thread_.native_handle(), SIGHUP);
}

bool ReloadThread::Stop(std::chrono::milliseconds timeout) {
  RequestStop();
  if (!ended_.try_acquire_for(timeout)) return false;
  thread_.join();
  return true;
}

void ReloadThread::Run() {
  const sigset_t signals = ReloadSignal();
  while (true) {
    // An error is the end of the interval (EAGAIN), or rarely an early one (EINTR, after SIGCONT).
    const bool reload_requested = sigtimedwait(&signals, nullptr, &kPollInterval) == SIGHUP;
    if (stopping_) break;
    bool failed = false;
    for (const Task& task : tasks_) {
      if (stopping_) break;
      // An exception that left the thread would end the process.
      try {
        task(reload_requested);
      } catch (const std::exception& error) {
        failed = true;
        Report(error.what());
      } catch (...) {
        failed = true;
        Report("unknown exception");
      }
    }
    if (!failed) error_reported_ = false;
  }
  ended_.release();
}

void ReloadThread::Report(std::string_view reason) {
  if (error_reported_) return;
  try {
    events_.Write(spdlog::level::err, "reload_thread_error", {{"reason", reason}});
    error_reported_ = true;
  } catch (...) {
    // No memory for the event. It is written the next time.
  }
}

}  // namespace evalrun::reload
