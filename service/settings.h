// File: settings.h
//
// What the configuration means for each part: from the words of the schema to the parts' own
// options. Pure functions.
#ifndef EVALRUN_SERVICE_SETTINGS_H_
#define EVALRUN_SERVICE_SETTINGS_H_

#include <chrono>
#include <memory>
#include <optional>

#include <google/protobuf/duration.pb.h>
#include <grpc/grpc_security_constants.h>
#include <spdlog/common.h>

#include "rest_backend/http/http_client.h"
#include "service/access/policy.h"
#include "service/config/duration.h"
#include "service/config/load_config.h"
#include "service/keys/key_ring.h"
#include "service/limits/redis_store.h"
#include "service/limits/rule_set.h"
#include "service/observability/access_log.h"
#include "service/observability/audit_log.h"
#include "service/rpc/delete_settings.h"
#include "service/rpc/grpc_server.h"

namespace evalrun::service {

[[nodiscard]] GrpcServerOptions ServerOptions(const config::LoadedConfig& loaded);
[[nodiscard]] rest::HttpClientOptions HttpOptions(const config::LoadedConfig& loaded);
[[nodiscard]] IdentityPolicy IdentityOptions(const config::LoadedConfig& loaded);
// The only copies of the keys, once `loaded` has been dropped.
[[nodiscard]] KeyRing KeysOf(const config::LoadedConfig& loaded);
[[nodiscard]] AccessPolicy AccessOptions(const config::v1::GatewayConfig& config);
[[nodiscard]] DeleteSettings CallSettings(const config::LoadedConfig& loaded);
[[nodiscard]] std::shared_ptr<const RuleSet> LimitRules(const config::LoadedConfig& loaded);
[[nodiscard]] AuditLog::Options AuditOptions(const config::v1::GatewayConfig& config);
// Where limits are shared; nothing: they are not.
[[nodiscard]] std::optional<RedisOptions> SharedLimitsOptions(const config::LoadedConfig& loaded);
// What gRPC asks clients for, over TLS.
[[nodiscard]] grpc_ssl_client_certificate_request_type ClientCertificates(
    const config::LoadedConfig& loaded);
[[nodiscard]] AccessLogOptions LogOptions(const config::LoadedConfig& loaded);
[[nodiscard]] spdlog::level::level_enum LogLevel(config::v1::Log::Level level);

// A duration of the configuration in the unit that a part counts in, rounded down.
template <typename Duration>
[[nodiscard]] Duration To(const google::protobuf::Duration& duration) {
  return std::chrono::duration_cast<Duration>(config::ToMicroseconds(duration));
}

}  // namespace evalrun::service

#endif  // EVALRUN_SERVICE_SETTINGS_H_
