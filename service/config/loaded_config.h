// SPDX-License-Identifier: Apache-2.0
//
// File: loaded_config.h
//
// A configuration that was loaded: what the schema holds as values, and each text parsed.
#ifndef EVALRUN_SERVICE_CONFIG_LOADED_CONFIG_H_
#define EVALRUN_SERVICE_CONFIG_LOADED_CONFIG_H_

#include <optional>
#include <string>
#include <vector>

#include "service/authz/caller.h"
#include "service/authz/policy.h"
#include "service/authz/scope.h"
#include "service/config/config.pb.h"
#include "service/config/secret.h"
#include "service/config/upstream_url.h"
#include "service/ratelimit/rule_set.h"
#include "service/text/host_port.h"

namespace evalrun::config {

// An API key of `upstream.keys`.
struct UpstreamKey {
  std::string name;
  std::string file;
  authz::Scope scope;  // the calls that it is for
  Secret secret;       // content of the file; never empty
};

// What the gateway runs with.
struct LoadedConfig {
  // Every field is set and within its bounds. Numbers, switches, names of files and durations
  // (ToMicroseconds() in duration.h) are taken from here; texts with a form of their own are
  // parsed below.
  v1::GatewayConfig config;

  // Settings that need a restart. After a reload they are those of the new file, which are not in
  // force.
  text::HostPort listen;
  text::HostPort admin_listen;
  UpstreamUrl upstream;
  authz::IdentityPolicy identity;
  std::optional<text::HostPort> limits_redis;  // empty: limits are not shared
  std::string traces_url;                      // that spans are posted to; empty: no call is traced

  // Live settings.
  std::vector<ratelimit::LimitRule> limit_rules;
  authz::AccessPolicy access_policy;
  std::vector<UpstreamKey> keys;

  Secret api_key;              // never empty
  std::string api_key_source;  // `AYMARA_AI_API_KEY`, or the file's name: safe to show
  std::string printed_config;  // all of it as `--print-config` prints it, secrets masked
};

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_LOADED_CONFIG_H_
