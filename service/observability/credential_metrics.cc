// SPDX-License-Identifier: Apache-2.0

#include "service/observability/credential_metrics.h"

#include "service/observability/unix_time.h"

namespace evalrun::observability {
namespace {

constexpr const char* kResults[] = {"failed", "succeeded"};

}  // namespace

CredentialMetrics::CredentialMetrics(prometheus::Registry* registry)
    : reloads_(prometheus::BuildCounter()
                   .Name("gateway_credential_reloads_total")
                   .Help("Times that a credential was read again, by how that went.")
                   .Register(*registry)),
      last_reload_successful_(
          prometheus::BuildGauge()
              .Name("gateway_credential_last_reload_successful")
              .Help("1: the last reload succeeded, or there was none. 0: it failed.")
              .Register(*registry)),
      expiry_(prometheus::BuildGauge()
                  .Name("gateway_certificate_expiry_timestamp_seconds")
                  .Help("When the certificate that is in force ends.")
                  .Register(*registry)) {}

void CredentialMetrics::Add(const std::string& credential) {
  for (const char* result : kResults) {
    reloads_.Add({{"credential", credential}, {"result", result}});
  }
  last_reload_successful_.Add({{"credential", credential}}).Set(1);
}

void CredentialMetrics::OnReload(const std::string& credential, bool succeeded) {
  reloads_.Add({{"credential", credential}, {"result", kResults[succeeded ? 1 : 0]}}).Increment();
  last_reload_successful_.Add({{"credential", credential}}).Set(succeeded ? 1 : 0);
}

void CredentialMetrics::SetExpiry(const std::string& certificate,
                                  std::chrono::system_clock::time_point expiry) {
  expiry_.Add({{"certificate", certificate}}).Set(UnixSeconds(expiry));
}

}  // namespace evalrun::observability
