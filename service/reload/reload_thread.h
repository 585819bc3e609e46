// File: reload_thread.h
//
// The thread that loads the configuration anew: when its files have changed, and on SIGHUP.
#ifndef EVALRUN_SERVICE_RELOAD_RELOAD_THREAD_H_
#define EVALRUN_SERVICE_RELOAD_RELOAD_THREAD_H_

#include <atomic>
#include <thread>

#include "service/reload/reloader.h"

namespace evalrun::service {

// Keeps SIGHUP from ending the process. Called before there is any other thread: they inherit it.
void BlockReloadSignal();

class ReloadThread {
 public:
  // Looks every second. `reloader` outlives this object.
  explicit ReloadThread(Reloader* reloader);
  // Returns when what is being loaded has been.
  ~ReloadThread();
  ReloadThread(const ReloadThread&) = delete;
  ReloadThread& operator=(const ReloadThread&) = delete;

 private:
  void Run();

  Reloader& reloader_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace evalrun::service

#endif  // EVALRUN_SERVICE_RELOAD_RELOAD_THREAD_H_
