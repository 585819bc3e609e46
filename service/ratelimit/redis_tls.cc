// SPDX-License-Identifier: Apache-2.0

#include "service/ratelimit/redis_tls.h"

#include <utility>

#include "service/tls/client_context.h"

namespace evalrun::ratelimit {

absl::Status RedisTls::Set(const http::TlsMaterial& material) {
  auto context = tls::MakeClientContext(material.ca_certificates, material.certificate_chain,
                                        material.private_key);
  if (!context.ok()) return context.status();
  const std::lock_guard lock(mutex_);
  current_ = *std::move(context);
  return absl::OkStatus();
}

std::shared_ptr<SSL_CTX> RedisTls::Current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

}  // namespace evalrun::ratelimit
