// File: certificate_reloader.h
//
// Certificates, keys and authorities, read again when their files change. Each set of files is
// taken over as a whole or not at all, and by itself: a configuration that does not load, and
// another set that does not fit, keep no certificate from being renewed.
#ifndef EVALRUN_SERVICE_RELOAD_CERTIFICATE_RELOADER_H_
#define EVALRUN_SERVICE_RELOAD_CERTIFICATE_RELOADER_H_

#include <chrono>
#include <functional>
#include <list>
#include <string>

#include <absl/status/status.h>

#include "service/config/tls.h"
#include "service/config/watched_files.h"
#include "service/observability/credential_metrics.h"
#include "service/observability/event_log.h"

namespace evalrun::reload {

// Not thread-safe: once the thread that looks (reload_thread.h) has been started, it is that
// thread's.
class CertificateReloader {
 public:
  using Clock = std::chrono::system_clock;
  using ApplyFiles = std::function<void(config::TlsFiles)>;

  // Pointers outlive this object.
  CertificateReloader(const observability::EventLog* events,
                      observability::CredentialMetrics* metrics)
      : events_(*events), metrics_(*metrics) {}

  // Loads a set of files, hands it to `apply_files`, and watches it. `name` stands in events and
  // metrics, such as `server`. An error says what is wrong with the files; they are not watched.
  absl::Status Add(const std::string& name, config::TlsPaths paths, ApplyFiles apply_files,
                   Clock::time_point now);

  // Looks at all sets, and takes over what has changed and settled. What cannot be used changes
  // nothing: one event says why, and a metric counts it.
  void CheckForChanges(Clock::time_point now);

  // Takes over all sets at once.
  void Reload(Clock::time_point now);

 private:
  struct Set {
    std::string name;
    config::TlsPaths paths;
    ApplyFiles apply_files;
    config::WatchedFiles files;
  };

  absl::Status Load(Set* set, Clock::time_point now);
  void Reload(Set* set, Clock::time_point now);

  const observability::EventLog& events_;
  observability::CredentialMetrics& metrics_;
  std::list<Set> sets_;
};

}  // namespace evalrun::reload

#endif  // EVALRUN_SERVICE_RELOAD_CERTIFICATE_RELOADER_H_
