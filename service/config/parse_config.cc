// SPDX-License-Identifier: Apache-2.0

#include "service/config/parse_config.h"

#include <set>
#include <string_view>
#include <utility>

#include <absl/status/status.h>

#include "service/authz/key_ring.h"
#include "service/config/address.h"
#include "service/config/authorization.h"
#include "service/config/duration.h"
#include "service/config/field_parsers.h"
#include "service/config/identity.h"
#include "service/config/limit_rules.h"
#include "service/config/otlp_endpoint.h"
#include "service/config/text.h"
#include "service/config/tls.h"
#include "service/config/upstream_keys.h"
#include "service/config/upstream_url.h"
#include "service/text/duration.h"

namespace evalrun::config {
namespace {

using Lines = std::vector<std::string>;

// What is wrong with several settings together, section by section.
struct Conflicts {
  Lines limit_rules;
  Lines upstream_keys;
  Lines authorization;
};

absl::Status CheckAuditTarget(std::string_view text) {
  if (text == "/dev/stdout" || text == "/dev/stderr" || text.starts_with("/dev/fd/")) {
    return absl::InvalidArgumentError("must be log for standard output, or a regular file");
  }
  if (text == "off" || text == "log" || text.find('/') != std::string_view::npos) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError("must be off, log, or a path with a slash in it");
}

// Every field by itself, and the elements of lists.
void ParseAllFields(const Sources& sources, LoadedConfig* loaded, Lines* errors,
                    Conflicts* conflicts) {
  const v1::GatewayConfig& config = loaded->config;
  const bool opaque_ids = config.ids().opaque();
  FieldErrors field_errors{.sources = sources, .lines = *errors};

  std::set<std::string> key_names = {std::string(authz::kDefaultKeyName)};
  const auto parse_key = [&](const std::string& name, const v1::UpstreamKey& key) {
    loaded->keys.push_back(ParseUpstreamKey(name, key, opaque_ids, &key_names, &field_errors,
                                            &conflicts->upstream_keys));
  };
  std::set<std::string> rule_names;
  const auto parse_limit_rule = [&](const std::string& name, const v1::LimitRule& rule) {
    loaded->limit_rules.push_back(
        ParseLimitRule(name, rule, &rule_names, &field_errors, &conflicts->limit_rules));
  };
  std::vector<authz::Scope> allowed;
  const auto parse_authorization = [&](const std::string& name, const v1::AuthorizationRule& rule) {
    allowed.push_back(
        ParseAuthorizationRule(name, rule, opaque_ids, &field_errors, &conflicts->authorization));
  };

  ParseFields(
      "", config,
      {.texts = {{"listen", ParseInto(ParseListenAddress, &loaded->listen)},
                 {"admin_listen", ParseInto(ParseListenAddress, &loaded->admin_listen)},
                 {"upstream.url", ParseInto(ParseUpstreamUrl, &loaded->upstream)},
                 {"upstream.api_key_file", AnyText()},
                 {"upstream.proxy", Check(CheckProxyUrl)},
                 {"upstream.ca_file", AnyText()},
                 {"upstream.client_certificate_file", AnyText()},
                 {"upstream.client_key_file", AnyText()},
                 {"identity.metadata_key",
                  ParseInto(ParseMetadataKey, &loaded->identity.metadata_key)},
                 {"identity.trusted_networks",
                  ParseOnto(ParseNetwork, &loaded->identity.trusted_networks)},
                 {"identity.trusted_peers",
                  ParseOnto(ParseCertificatePattern, &loaded->identity.trusted_peers)},
                 {"limits.redis.address", ParseInto(ParseServerAddress, &loaded->limits_redis)},
                 {"limits.redis.username", AnyText()},
                 {"limits.redis.password_file", AnyText()},
                 {"limits.redis.key_prefix", AnyText()},
                 {"limits.redis.tls_server_name", AnyText()},
                 {"limits.redis.ca_file", AnyText()},
                 {"limits.redis.client_certificate_file", AnyText()},
                 {"limits.redis.client_key_file", AnyText()},
                 {"protected_runs_file", AnyText()},
                 {"audit.to", Check(CheckAuditTarget)},
                 {"tls.certificate_file", AnyText()},
                 {"tls.key_file", AnyText()},
                 {"tls.client_ca_file", AnyText()},
                 {"tracing.otlp_endpoint", ParseInto(ParseOtlpEndpoint, &loaded->traces_url)},
                 {"tracing.ca_file", AnyText()},
                 {"tracing.service_name", AnyText()},
                 {"tracing.service_instance_id", AnyText()}},
       .elements = {{"upstream.keys", ForEach<v1::UpstreamKey>(parse_key)},
                    {"limits.rules", ForEach<v1::LimitRule>(parse_limit_rule)},
                    {"authorization.rules", ForEach<v1::AuthorizationRule>(parse_authorization)}}},
      &field_errors);
  if (config.authorization().allow_all() && !allowed.empty()) {
    conflicts->authorization.emplace_back(
        "authorization.allow_all: must be false with authorization.rules");
  }
  loaded->access_policy = {std::move(allowed), config.authorization().dry_run()};
}

// Durations that bound each other.
void CheckDurations(const v1::GatewayConfig& config, const Sources& sources, Lines* errors) {
  const auto show = [&sources](const std::string& name, const google::protobuf::Duration& d) {
    return Concat(name, " = \"", text::FormatDuration(ToMicroseconds(d)), "\" (",
                  FormatSource(name, sources), ")");
  };
  const auto& initial_backoff = config.retry().initial_backoff();
  const auto& max_backoff = config.retry().max_backoff();
  if (ToMicroseconds(initial_backoff) > ToMicroseconds(max_backoff)) {
    errors->push_back(Concat(show("retry.initial_backoff", initial_backoff),
                             ": must be no longer than ", show("retry.max_backoff", max_backoff)));
  }
  const auto& margin = config.deadline().margin();
  const auto& default_timeout = config.deadline().default_timeout();
  if (ToMicroseconds(margin) >= ToMicroseconds(default_timeout)) {
    errors->push_back(Concat(show("deadline.margin", margin), ": must be shorter than ",
                             show("deadline.default_timeout", default_timeout)));
  }
}

// What a pipe has taken is no record yet: only a file can be required.
void CheckAudit(const v1::Audit& audit, const Sources& sources, Lines* errors) {
  if (audit.on_failure() != v1::Audit::ON_FAILURE_REFUSE) return;
  if (audit.to() != "off" && audit.to() != "log") return;
  errors->push_back(Concat("audit.on_failure = \"refuse\" (",
                           FormatSource("audit.on_failure", sources),
                           "): must be continue, unless audit.to is a file"));
}

void CheckListen(const LoadedConfig& loaded, const Sources& sources, Lines* errors) {
  if (loaded.listen.port == 0 || loaded.listen != loaded.admin_listen) return;
  errors->push_back(Concat("admin_listen = \"", loaded.config.admin_listen(), "\" (",
                           FormatSource("admin_listen", sources),
                           "): must be another address than listen"));
}

void AppendAll(const Lines& lines, Lines* errors) {
  errors->insert(errors->end(), lines.begin(), lines.end());
}

}  // namespace

LoadedConfig ParseConfig(const v1::GatewayConfig& config, const Sources& sources, Lines* errors) {
  LoadedConfig loaded;
  loaded.config = config;
  Conflicts conflicts;
  ParseAllFields(sources, &loaded, errors, &conflicts);

  CheckDurations(config, sources, errors);
  CheckIdentity(config.identity(), errors);
  CheckLimits(config.limits(), errors);
  AppendAll(conflicts.limit_rules, errors);
  AppendAll(conflicts.upstream_keys, errors);
  AppendAll(conflicts.authorization, errors);
  CheckTls(loaded, errors);
  CheckListen(loaded, sources, errors);
  CheckAudit(config.audit(), sources, errors);
  return loaded;
}

}  // namespace evalrun::config
