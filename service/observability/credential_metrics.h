// File: credential_metrics.h
//
// What Prometheus sees of certificates and keys that are read again while the gateway runs.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_CREDENTIAL_METRICS_H_
#define EVALRUN_SERVICE_OBSERVABILITY_CREDENTIAL_METRICS_H_

#include <chrono>
#include <string>

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

namespace evalrun::observability {

// Thread-safe. `credential` and `certificate` are names of our own: each new one is a series.
class CredentialMetrics {
 public:
  // `registry` outlives this object.
  explicit CredentialMetrics(prometheus::Registry* registry);

  // Makes the series of a credential, at 0.
  void Add(const std::string& credential);
  // It was read again, and is in force, or the one before stays.
  void OnReload(const std::string& credential, bool succeeded);

  void SetExpiry(const std::string& certificate, std::chrono::system_clock::time_point expiry);

 private:
  prometheus::Family<prometheus::Counter>& reloads_;
  prometheus::Family<prometheus::Gauge>& expiry_;
};

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_CREDENTIAL_METRICS_H_
