// SPDX-License-Identifier: Apache-2.0

#include "service/options_from_config.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>

#include "service/config/limit_rules.h"

namespace evalrun::service {

using config::LoadedConfig;
using config::ToMicroseconds;
using std::chrono::milliseconds;

namespace {

std::string UserAgent() { return absl::StrCat("evalrun-gateway/", std::string(config::Version())); }

}  // namespace

grpc_adapter::GrpcServerOptions MakeServerOptions(const LoadedConfig& loaded) {
  const auto& server = loaded.config.server();
  return {.host = loaded.listen.host,
          .port = loaded.listen.port,
          .max_connections = server.max_connections(),
          .max_connections_per_peer = server.max_connections_per_peer(),
          .max_concurrent_streams = static_cast<int>(server.max_concurrent_streams()),
          .max_receive_wait = To<milliseconds>(server.max_receive_wait()),
          .max_message_bytes = static_cast<int>(server.max_message_bytes()),
          .max_metadata_bytes = static_cast<int>(server.max_metadata_bytes()),
          .max_connection_age = To<milliseconds>(server.max_connection_age()),
          .max_connection_age_grace = To<milliseconds>(server.max_connection_age_grace()),
          .handshake_timeout = To<milliseconds>(server.handshake_timeout()),
          .keepalive_time = To<milliseconds>(server.keepalive_time()),
          .client_timeout = To<milliseconds>(server.client_timeout()),
          .credentials = nullptr};
}

http::HttpClientOptions MakeHttpOptions(const LoadedConfig& loaded) {
  const auto& upstream = loaded.config.upstream();
  return {.origin = loaded.upstream.Origin(),
          .headers = {absl::StrCat("User-Agent: ", UserAgent()), "Accept: application/json"},
          .proxy = upstream.proxy(),
          .connect_timeout = To<milliseconds>(upstream.connect_timeout()),
          .max_idle_connections = upstream.max_idle_connections(),
          .idle_connection_age = To<std::chrono::seconds>(upstream.idle_connection_age()),
          .connection_lifetime = To<std::chrono::seconds>(upstream.connection_lifetime()),
          .dns_cache_time = To<std::chrono::seconds>(upstream.dns_cache_time()),
          .tcp_user_timeout = To<milliseconds>(upstream.tcp_user_timeout()),
          .max_response_bytes = upstream.max_response_bytes()};
}

authz::KeyRing BuildKeyRing(const LoadedConfig& loaded) {
  const auto make = [](std::string_view name, const config::Secret& secret) {
    return std::make_shared<const authz::UpstreamKey>(std::string(name), secret.RevealForSending());
  };
  std::vector<authz::KeyRing::Entry> entries;
  for (const config::UpstreamKey& key : loaded.keys) {
    entries.push_back({key.scope, make(key.name, key.secret)});
  }
  return {make(authz::kDefaultKeyName, loaded.api_key), std::move(entries)};
}

handler::DeleteOptions MakeDeleteOptions(const LoadedConfig& loaded) {
  const auto& config = loaded.config;
  return {
      .base_path = loaded.upstream.base_path,
      .id_format = config.ids().opaque() ? deletion::IdFormat::kOpaque : deletion::IdFormat::kUuid,
      .retry = {.max_attempts = static_cast<int>(config.retry().max_attempts()),
                .retry_500 = config.retry().retry_500(),
                .retry_conflict = config.retry().retry_conflict(),
                .initial_backoff = To<milliseconds>(config.retry().initial_backoff()),
                .max_backoff = To<milliseconds>(config.retry().max_backoff())},
      .verify_absence = config.upstream().verify_absence(),
      .scopes = {.proven_ttl = To<milliseconds>(config.upstream().absence_proof_ttl())},
      .admission = {.max_in_flight = config.upstream().max_in_flight(),
                    .max_hold_back = To<milliseconds>(config.upstream().max_hold_back()),
                    .retry_budget = {.enabled = config.retry().budget(),
                                     .percent = static_cast<int>(config.retry().budget_percent()),
                                     .burst = static_cast<int>(config.retry().budget_burst())}},
      .upstream_timeout = ToMicroseconds(config.upstream().timeout()),
      .deadline_margin = ToMicroseconds(config.deadline().margin()),
      .default_timeout = ToMicroseconds(config.deadline().default_timeout()),
      .identity = loaded.identity,
      .client_certificates =
          ToClientCertificateRequest(loaded) != GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE,
      .forward_request_id = config.forward().request_id(),
      .forward_traceparent = config.forward().traceparent(),
      .forward_tracestate = config.forward().tracestate(),
  };
}

std::shared_ptr<const ratelimit::RuleSet> MakeRuleSet(const LoadedConfig& loaded) {
  return std::make_shared<const ratelimit::RuleSet>(loaded.limit_rules);
}

handler::LiveConfig MakeLiveConfig(const LoadedConfig& loaded) {
  return {.policy = std::make_shared<const authz::AccessPolicy>(loaded.access_policy),
          .keys = std::make_shared<const authz::KeyRing>(BuildKeyRing(loaded)),
          .rules = MakeRuleSet(loaded),
          .protected_runs = nullptr,  // of a file of their own
          .replicas = loaded.config.limits().replicas(),
          .deletions_enabled = loaded.config.deletions_enabled()};
}

observability::AuditLog::Options MakeAuditOptions(const config::v1::GatewayConfig& config) {
  return {.to = config.audit().to(), .buffer_bytes = config.log().buffer_bytes()};
}

std::optional<ratelimit::RedisOptions> MakeSharedLimitsOptions(const LoadedConfig& loaded) {
  const auto& redis = loaded.config.limits().redis();
  if (!loaded.limits_redis.has_value()) return std::nullopt;
  ratelimit::RedisOptions options{.host = loaded.limits_redis->host,
                                  .port = loaded.limits_redis->port,
                                  .username = redis.username(),
                                  .key_prefix = redis.key_prefix(),
                                  .tls_server_name = redis.tls_server_name(),
                                  .timeout = To<std::chrono::milliseconds>(redis.timeout())};
  if (const std::string& file = redis.password_file(); !file.empty()) {
    options.password = [file] { return config::ReadPassword(file); };
  }
  return options;
}

tracing::TracerOptions MakeTracerOptions(const LoadedConfig& loaded) {
  return {.root_samples_per_million = loaded.config.tracing().root_samples_per_million(),
          .upstream = {.origin = loaded.upstream.Origin(),
                       .address = loaded.upstream.host,
                       .port = loaded.upstream.port}};
}

tracing::OtlpHttpOptions MakeOtlpHttpOptions(const LoadedConfig& loaded) {
  const auto& tracing = loaded.config.tracing();
  return {.url = loaded.traces_url,
          .ca_file = tracing.ca_file(),
          .timeout = To<milliseconds>(tracing.timeout()),
          .user_agent = UserAgent()};
}

tracing::SpanExporterOptions MakeSpanExporterOptions(const config::v1::GatewayConfig& config,
                                                     std::string instance_id) {
  const auto& tracing = config.tracing();
  if (!tracing.service_instance_id().empty()) instance_id = tracing.service_instance_id();
  return {.resource = {.service_name = tracing.service_name(),
                       .service_version = std::string(config::Version()),
                       .service_instance_id = std::move(instance_id)},
          .max_queue_spans = tracing.max_queue_spans()};
}

grpc_ssl_client_certificate_request_type ToClientCertificateRequest(const LoadedConfig& loaded) {
  switch (loaded.config.tls().client_certificates()) {
    case config::v1::Tls::CLIENT_CERTIFICATES_OPTIONAL:
      return GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY;
    case config::v1::Tls::CLIENT_CERTIFICATES_REQUIRED:
      return GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY;
    default:
      return GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE;
  }
}

observability::AccessLogOptions MakeAccessLogOptions(const LoadedConfig& loaded) {
  const auto& log = loaded.config.log();
  return {.enabled = log.access_log(),
          .ok_sample_percent = static_cast<int>(log.ok_sample_percent())};
}

spdlog::level::level_enum ToSpdlogLevel(config::v1::Log::Level level) {
  switch (level) {
    case config::v1::Log::LEVEL_DEBUG:
      return spdlog::level::debug;
    case config::v1::Log::LEVEL_WARN:
      return spdlog::level::warn;
    case config::v1::Log::LEVEL_ERROR:
      return spdlog::level::err;
    default:
      return spdlog::level::info;
  }
}

}  // namespace evalrun::service
