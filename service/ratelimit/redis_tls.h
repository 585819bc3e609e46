// SPDX-License-Identifier: Apache-2.0
//
// File: redis_tls.h
//
// The certificates that Redis is verified against, and the client certificate that we present to
// it. Both can be replaced while there is a connection.
#ifndef EVALRUN_SERVICE_RATELIMIT_REDIS_TLS_H_
#define EVALRUN_SERVICE_RATELIMIT_REDIS_TLS_H_

#include <memory>
#include <mutex>

#include <absl/status/status.h>
#include <openssl/ssl.h>

#include "rest_backend/http/tls_material.h"

namespace evalrun::ratelimit {

// Thread-safe.
class RedisTls {
 public:
  // Without CA certificates those of the system count, as they are now; without a certificate chain
  // no client certificate is presented. After an error what was set before stays in use.
  absl::Status Set(const http::TlsMaterial& material);

  // Set() must have succeeded once. Another one after each Set().
  [[nodiscard]] std::shared_ptr<SSL_CTX> Current() const;

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<SSL_CTX> current_;  // guarded by mutex_
};

}  // namespace evalrun::ratelimit

#endif  // EVALRUN_SERVICE_RATELIMIT_REDIS_TLS_H_
