// SPDX-License-Identifier: Apache-2.0

#include "service/config/limit_rules.h"

#include <algorithm>

#include <absl/status/status.h>
#include <absl/strings/numbers.h>
#include <absl/strings/string_view.h>

#include "service/authz/pattern.h"
#include "service/config/secret.h"
#include "service/config/text.h"

namespace evalrun::config {
namespace {

constexpr int kMaxRules = 32;
constexpr std::size_t kMaxPasswordBytes = 4096;
constexpr std::int64_t kMaxCalls = 1'000'000;
constexpr std::chrono::seconds kMaxRefillTime = std::chrono::hours(24);

std::optional<std::chrono::seconds> ParsePeriod(std::string_view text) {
  if (text == "s") return std::chrono::seconds(1);
  if (text == "m") return std::chrono::minutes(1);
  if (text == "h") return std::chrono::hours(1);
  return std::nullopt;
}

std::optional<Rate> FindRate(std::string_view text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  // 7 of them at most, and none of them a leading zero.
  if (digits == 0 || digits > 7 || text[0] == '0' || !text.substr(digits).starts_with('/')) {
    return std::nullopt;
  }
  Rate rate;
  const std::optional<std::chrono::seconds> period = ParsePeriod(text.substr(digits + 1));
  if (!period.has_value() ||
      !absl::SimpleAtoi(absl::string_view(text.data(), digits), &rate.calls) ||
      rate.calls > kMaxCalls) {
    return std::nullopt;
  }
  rate.period = *period;
  return rate;
}

absl::Status CheckRuleName(std::string_view text) {
  if (IsName(text, kNameCharacters)) return absl::OkStatus();
  return absl::InvalidArgumentError("must be 1 to 64 of a-z 0-9 - _");
}

absl::Status CheckPattern(std::string_view text) {
  if (authz::IsWellFormedPattern(text)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "must be 1 to 512 visible characters, of which at most the last is a *");
}

// Empty when no value of the enum is set.
std::optional<ratelimit::LimitedBy> ToLimitedBy(v1::LimitRule::By by) {
  switch (by) {
    case v1::LimitRule::BY_CALLER:
      return ratelimit::LimitedBy::kCaller;
    case v1::LimitRule::BY_WORKSPACE:
      return ratelimit::LimitedBy::kWorkspace;
    case v1::LimitRule::BY_UPSTREAM_KEY:
      return ratelimit::LimitedBy::kUpstreamKey;
    case v1::LimitRule::BY_GATEWAY:
      return ratelimit::LimitedBy::kGateway;
    default:
      return std::nullopt;
  }
}

// The quota of the rule or override `name`.
ratelimit::Quota ToQuota(const Rate& rate, std::int64_t burst, const std::string& name,
                         std::vector<std::string>* conflicts) {
  // This keeps every sum of the limiter within 64 bits, and within the 53 of a double in Redis.
  if (burst * rate.period > rate.calls * kMaxRefillTime) {
    conflicts->push_back(Concat(name, ".burst: must be no more than the rate allows in 24 hours"));
  }
  return ratelimit::MakeQuota(rate.calls, std::chrono::nanoseconds(rate.period).count(), burst);
}

ratelimit::LimitOverride ParseOverride(const std::string& name, const v1::LimitOverride& given,
                                       std::int64_t rule_burst, FieldErrors* errors,
                                       std::vector<std::string>* conflicts) {
  ratelimit::LimitOverride parsed;
  parsed.pattern = given.pattern();
  std::optional<Rate> rate;
  ParseFields(
      name, given,
      {.texts = {{"pattern", Check(CheckPattern)}, {"rate", ParseInto(ParseOverrideRate, &rate)}},
       .elements = {}},
      errors);
  if (rate.has_value()) {
    parsed.quota = ToQuota(*rate, given.burst() == 0 ? rule_burst : given.burst(), name, conflicts);
  }
  return parsed;
}

}  // namespace

absl::StatusOr<Rate> ParseRate(std::string_view text) {
  if (const std::optional<Rate> rate = FindRate(text)) return *rate;
  return absl::InvalidArgumentError(
      "must be a number of calls from 1 to 1000000 per s, m or h, such as 100/s, 600/m or 1000/h");
}

absl::StatusOr<std::optional<Rate>> ParseOverrideRate(std::string_view text) {
  const std::optional<Rate> rate = FindRate(text);
  if (rate.has_value() || text == "unlimited") return rate;
  return absl::InvalidArgumentError("must be a rate, such as 100/s or 600/m, or unlimited");
}

ratelimit::LimitRule ParseLimitRule(const std::string& name, const v1::LimitRule& rule,
                                    std::set<std::string>* rule_names, FieldErrors* errors,
                                    std::vector<std::string>* conflicts) {
  ratelimit::LimitRule parsed;
  parsed.name = rule.name();
  parsed.shadow = rule.shadow();
  if (!rule_names->insert(rule.name()).second) {
    conflicts->push_back(Concat(name, ".name: must not be the name of another rule"));
  }
  if (const std::optional<ratelimit::LimitedBy> by = ToLimitedBy(rule.by())) {
    parsed.by = *by;
  } else {
    conflicts->push_back(
        Concat(name, ".by: must be one of caller, workspace, upstream_key, gateway"));
  }
  const auto parse_rate = [&](const std::string&, const std::string& text) {
    const absl::StatusOr<Rate> rate = ParseRate(text);
    if (rate.ok()) parsed.quota = ToQuota(*rate, rule.burst(), name, conflicts);
    return rate.status();
  };
  std::set<std::string> patterns;
  const auto parse_override = [&](const std::string& inner, const v1::LimitOverride& given) {
    if (!patterns.insert(given.pattern()).second) {
      conflicts->push_back(
          Concat(inner, ".pattern: must not be the pattern of another override of the rule"));
    }
    parsed.overrides.push_back(ParseOverride(inner, given, rule.burst(), errors, conflicts));
  };
  ParseFields(name, rule,
              {.texts = {{"name", Check(CheckRuleName)}, {"rate", parse_rate}},
               .elements = {{"overrides", ForEach<v1::LimitOverride>(parse_override)}}},
              errors);
  if (rule.by() == v1::LimitRule::BY_GATEWAY && rule.overrides_size() > 0) {
    conflicts->push_back(
        Concat(name, ".overrides: must be empty, for a rule by gateway is for all together"));
  }
  return parsed;
}

void CheckLimits(const v1::Limits& limits, std::vector<std::string>* conflicts) {
  if (limits.rules_size() > kMaxRules) {
    conflicts->push_back(Concat("limits.rules: must be at most ", kMaxRules));
  }
  const v1::LimitsRedis& redis = limits.redis();
  if (redis.address().empty()) {
    if (!redis.username().empty() || !redis.password_file().empty()) {
      conflicts->push_back(
          "limits.redis: must have an address, for there is a username or a password_file");
    }
  } else if (limits.replicas() == 1) {
    conflicts->push_back("limits.redis.address: must come with limits.replicas above 1");
  }
  if (!redis.username().empty() && redis.password_file().empty()) {
    conflicts->push_back("limits.redis.username: must come with limits.redis.password_file");
  }
}

absl::StatusOr<std::string> ReadPassword(const std::string& file, const FileReader& read_file) {
  absl::StatusOr<std::string> password = read_file(file, kMaxPasswordBytes);
  if (!password.ok()) return password;
  if (password->ends_with('\n')) password->pop_back();
  if (password->ends_with('\r')) password->pop_back();
  if (!password->empty() && password->find('\n') == std::string::npos) return password;
  WipeString(&*password);
  return absl::InvalidArgumentError(Concat(Escape(file), ": must hold a password on one line"));
}

}  // namespace evalrun::config
