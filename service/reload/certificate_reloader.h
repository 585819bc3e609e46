// SPDX-License-Identifier: Apache-2.0
//
// File: certificate_reloader.h
//
// Reloads certificates and private keys when their files change. Each set of files is applied as a
// whole or not at all, and independently: neither an invalid configuration nor an invalid other set
// keeps a certificate from being renewed.
#ifndef EVALRUN_SERVICE_RELOAD_CERTIFICATE_RELOADER_H_
#define EVALRUN_SERVICE_RELOAD_CERTIFICATE_RELOADER_H_

#include <chrono>
#include <functional>
#include <list>
#include <string>

#include <absl/status/status.h>

#include "rest_backend/http/tls_material.h"
#include "service/config/tls.h"
#include "service/config/watched_files.h"
#include "service/observability/credential_metrics.h"
#include "service/observability/event_log.h"

namespace evalrun::reload {

// Not thread-safe: once the reload thread (reload_thread.h) has been started, only it may call.
class CertificateReloader {
 public:
  using Clock = std::chrono::system_clock;
  // Copies what it needs. After an error everything must be as before.
  using Apply = std::function<absl::Status(const http::TlsMaterial&)>;

  // Pointers outlive this object.
  CertificateReloader(const observability::EventLog* events,
                      observability::CredentialMetrics* metrics)
      : events_(*events), metrics_(*metrics) {}

  // Loads a set of files, passes it to `apply`, and watches it. `name` appears in events and
  // metrics, such as `server`. An error says what is wrong with the files; they are not watched. A
  // certificate that is not valid yet is used, because there is no other, with a warning.
  absl::Status Add(const std::string& name, config::TlsPaths paths, Apply apply,
                   Clock::time_point now);

  // Reloads every set whose files have changed and are not being written any more. A certificate
  // that is not valid yet replaces the old one when it is, and is reported until then. When it
  // fails the old certificates stay in use, an event gives the reason, and a metric counts it.
  // Without descriptors or memory it is tried again with every call, and reported by an event once.
  void CheckForChanges(Clock::time_point now);

  // Reloads all sets at once.
  void Reload(Clock::time_point now);

 private:
  struct Set {
    std::string name;
    config::TlsPaths paths;
    Apply apply;
    config::WatchedFiles files;
    // The last load failed for a reason other than the content of the files.
    bool retry = false;
    std::string last_error;  // empty after a success
    // When the certificate in the files becomes valid, if it is not in use yet.
    Clock::time_point retry_at = Clock::time_point::max();
  };

  absl::Status Load(Set* set, Clock::time_point now, bool is_start);
  void WarnAbout(const Set& set, const config::TlsFiles& files, Clock::time_point now);
  absl::Status LoadOrCatch(Set* set, Clock::time_point now);
  void Reload(Set* set, Clock::time_point now);

  const observability::EventLog& events_;
  observability::CredentialMetrics& metrics_;
  std::list<Set> sets_;
};

}  // namespace evalrun::reload

#endif  // EVALRUN_SERVICE_RELOAD_CERTIFICATE_RELOADER_H_
