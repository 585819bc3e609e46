// File: reload_thread.h
//
// The thread that loads the configuration anew, when its files have changed and on SIGHUP, and does
// what else has to be done now and then.
#ifndef EVALRUN_SERVICE_RELOAD_RELOAD_THREAD_H_
#define EVALRUN_SERVICE_RELOAD_RELOAD_THREAD_H_

#include <atomic>
#include <functional>
#include <thread>

#include "service/reload/reloader.h"

namespace evalrun::reload {

// Keeps SIGHUP from ending the process. Called before there is any other thread: they inherit it.
void BlockReloadSignal();

class ReloadThread {
 public:
  // Looks every second. `on_tick` is called as often, and says whether it was SIGHUP that asked for
  // it. `reloader` outlives this object.
  ReloadThread(Reloader* reloader, std::function<void(bool reload_requested)> on_tick);
  // Returns when what is being loaded has been.
  ~ReloadThread();
  ReloadThread(const ReloadThread&) = delete;
  ReloadThread& operator=(const ReloadThread&) = delete;

 private:
  void Run();

  Reloader& reloader_;
  const std::function<void(bool)> on_tick_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace evalrun::reload

#endif  // EVALRUN_SERVICE_RELOAD_RELOAD_THREAD_H_
