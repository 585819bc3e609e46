// SPDX-License-Identifier: Apache-2.0
//
// File: credential_metrics.h
//
// Metrics of certificates and keys that are reloaded while the gateway runs.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_CREDENTIAL_METRICS_H_
#define EVALRUN_SERVICE_OBSERVABILITY_CREDENTIAL_METRICS_H_

#include <chrono>
#include <string>

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

namespace evalrun::observability {

// Thread-safe. `credential` and `certificate` are fixed names: each new one creates a series.
class CredentialMetrics {
 public:
  // `registry` must outlive this object.
  explicit CredentialMetrics(prometheus::Registry* registry);

  // Creates the series of a credential, which has been loaded.
  void Add(const std::string& credential);
  // The credential was reloaded: either the new one is in force, or the old one stays.
  void OnReload(const std::string& credential, bool succeeded);

  void SetExpiry(const std::string& certificate, std::chrono::system_clock::time_point expiry);

 private:
  prometheus::Family<prometheus::Counter>& reloads_;
  prometheus::Family<prometheus::Gauge>& last_reload_successful_;
  prometheus::Family<prometheus::Gauge>& expiry_;
};

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_CREDENTIAL_METRICS_H_
