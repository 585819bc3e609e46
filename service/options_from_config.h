// SPDX-License-Identifier: Apache-2.0
//
// File: options_from_config.h
//
// Converts the configuration to the options of each part. Pure functions that cannot fail: every
// text has been parsed (config/loaded_config.h).
#ifndef EVALRUN_SERVICE_OPTIONS_FROM_CONFIG_H_
#define EVALRUN_SERVICE_OPTIONS_FROM_CONFIG_H_

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include <google/protobuf/duration.pb.h>
#include <grpc/grpc_security_constants.h>
#include <spdlog/common.h>

#include "rest_backend/http/http_client.h"
#include "service/authz/key_ring.h"
#include "service/config/duration.h"
#include "service/config/load_config.h"
#include "service/grpc_adapter/grpc_server.h"
#include "service/handler/delete_options.h"
#include "service/handler/live_config.h"
#include "service/observability/access_log.h"
#include "service/observability/audit_log.h"
#include "service/ratelimit/redis_store.h"
#include "service/ratelimit/rule_set.h"
#include "service/tracing/otlp_http_sender.h"
#include "service/tracing/span_exporter.h"
#include "service/tracing/tracer.h"

namespace evalrun::service {

[[nodiscard]] grpc_adapter::GrpcServerOptions MakeServerOptions(const config::LoadedConfig& loaded);
[[nodiscard]] http::HttpClientOptions MakeHttpOptions(const config::LoadedConfig& loaded);
// Copies the secrets of `loaded`, which the caller then wipes.
[[nodiscard]] authz::KeyRing BuildKeyRing(const config::LoadedConfig& loaded);
[[nodiscard]] handler::DeleteOptions MakeDeleteOptions(const config::LoadedConfig& loaded);
[[nodiscard]] std::shared_ptr<const ratelimit::RuleSet> MakeRuleSet(
    const config::LoadedConfig& loaded);
// Of these three; all that a reload changes for calls.
[[nodiscard]] handler::LiveConfig MakeLiveConfig(const config::LoadedConfig& loaded);
[[nodiscard]] observability::AuditLog::Options MakeAuditOptions(
    const config::v1::GatewayConfig& config);
// The store of shared limits. Empty: limits are not shared.
[[nodiscard]] std::optional<ratelimit::RedisOptions> MakeSharedLimitsOptions(
    const config::LoadedConfig& loaded);
// For calls that are traced. `instance_id` is used where the configuration names none.
[[nodiscard]] tracing::TracerOptions MakeTracerOptions(const config::LoadedConfig& loaded);
[[nodiscard]] tracing::OtlpHttpOptions MakeOtlpHttpOptions(const config::LoadedConfig& loaded);
[[nodiscard]] tracing::SpanExporterOptions MakeSpanExporterOptions(
    const config::v1::GatewayConfig& config, std::string instance_id);
// Which client certificates gRPC requests.
[[nodiscard]] grpc_ssl_client_certificate_request_type ToClientCertificateRequest(
    const config::LoadedConfig& loaded);
[[nodiscard]] observability::AccessLogOptions MakeAccessLogOptions(
    const config::LoadedConfig& loaded);
[[nodiscard]] spdlog::level::level_enum ToSpdlogLevel(config::v1::Log::Level level);

// A duration of the configuration in the unit of an option, rounded down.
template <typename Duration>
[[nodiscard]] Duration To(const google::protobuf::Duration& duration) {
  return std::chrono::duration_cast<Duration>(config::ToMicroseconds(duration));
}

}  // namespace evalrun::service

#endif  // EVALRUN_SERVICE_OPTIONS_FROM_CONFIG_H_
