// SPDX-License-Identifier: Apache-2.0
//
// File: protected_runs_reloader.h
//
// Reloads the list of protected runs when its file changes. Independent of the configuration: an
// error in one does not keep the other from being reloaded, so that a wrong list cannot delay the
// emergency stop.
#ifndef EVALRUN_SERVICE_RELOAD_PROTECTED_RUNS_RELOADER_H_
#define EVALRUN_SERVICE_RELOAD_PROTECTED_RUNS_RELOADER_H_

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <absl/status/status.h>

#include "service/authz/protected_runs.h"
#include "service/observability/config_metrics.h"
#include "service/observability/event_log.h"

namespace evalrun::reload {

// Not thread-safe: once the reload thread (reload_thread.h) has been started, only it may call.
//
// The file may be large, so that it is read only after its inode, size or times have changed, and
// no longer change.
class ProtectedRunsReloader {
 public:
  using List = std::shared_ptr<const authz::ProtectedRuns>;
  // Called with every list but the first, on the thread of the call that loaded it.
  using Apply = std::function<void(const List&)>;

  // `opaque_ids`: `ids.opaque`. Pointers outlive this object.
  ProtectedRunsReloader(bool opaque_ids, const observability::EventLog* events,
                        observability::ConfigMetrics* metrics)
      : opaque_ids_(opaque_ids), events_(*events), metrics_(*metrics) {}

  // Loads the first list, before the thread is started. An empty path: no run is protected.
  absl::Status Start(const std::string& path, std::chrono::system_clock::time_point now);
  void OnReload(Apply apply) { apply_ = std::move(apply); }

  // The setting was reloaded; a path that was set is not unset (reloader.h). With another path, the
  // list is loaded from there, without a call of `apply`. After an error the old list stays.
  void SetPath(const std::string& path, std::chrono::system_clock::time_point now);

  // Reloads when the file has changed. When that fails, the old list stays in use, the event
  // `config_reload_failed` gives the reason, and `gateway_config_last_reload_successful` is 0 until
  // a later one succeeds. A file that cannot be read is tried again each time, and reported once.
  void CheckForChanges(std::chrono::system_clock::time_point now);

  // Reloads at once, and reports an error again.
  void Reload(std::chrono::system_clock::time_point now);

  // Null: no run is protected.
  [[nodiscard]] const List& current() const { return current_; }

 private:
  // What changes when the file is written or replaced.
  struct Version {
    int error = 0;  // of stat()
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = 0;
    std::int64_t modified_ns = 0;
    std::int64_t changed_ns = 0;
    bool operator==(const Version&) const = default;
  };

  [[nodiscard]] Version ReadVersion() const;
  absl::Status Load(std::chrono::system_clock::time_point now);
  void LoadAndApply(std::chrono::system_clock::time_point now, bool report_again);
  void LoadOrReport(std::chrono::system_clock::time_point now, bool report_again);

  const bool opaque_ids_;
  const observability::EventLog& events_;
  observability::ConfigMetrics& metrics_;
  Apply apply_;
  std::string path_;
  List current_;
  // The list before: the event loop has let go of it by the next check, so that a large one is
  // freed on this thread.
  List retired_;
  Version loaded_;      // of the last attempt to load
  Version last_seen_;   // at the last check
  bool retry_ = false;  // the file could not be read, or may have changed unnoticed
  std::size_t content_hash_ = 0;
  std::string last_error_;  // empty after a success
};

}  // namespace evalrun::reload

#endif  // EVALRUN_SERVICE_RELOAD_PROTECTED_RUNS_RELOADER_H_
