#include "service/config/limit_rules.h"

#include <algorithm>
#include <set>

#include <absl/strings/numbers.h>
#include <absl/strings/string_view.h>

#include "service/authz/pattern.h"
#include "service/config/host_port.h"
#include "service/config/secret.h"
#include "service/config/text.h"

namespace evalrun::config {
namespace {

constexpr int kMaxRules = 32;
constexpr std::size_t kMaxPasswordBytes = 4096;
constexpr std::int64_t kMaxCalls = 1'000'000;
constexpr std::chrono::seconds kMaxRefillTime = std::chrono::hours(24);

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

std::optional<std::chrono::seconds> ParsePeriod(std::string_view text) {
  if (text == "s") return std::chrono::seconds(1);
  if (text == "m") return std::chrono::minutes(1);
  if (text == "h") return std::chrono::hours(1);
  return std::nullopt;
}

// What keeps every sum of the limiter within 64 bits, and within a double's 53 in Redis.
bool RefillsInADay(const Rate& rate, std::int64_t burst) {
  return burst * rate.period <= rate.calls * kMaxRefillTime;
}

class LimitsValidator {
 public:
  explicit LimitsValidator(std::vector<std::string>* errors) : errors_(*errors) {}

  void Check(const v1::Limits& limits) {
    if (limits.rules_size() > kMaxRules) {
      Add("limits.rules", Concat("must be at most ", kMaxRules));
    }
    const v1::LimitsRedis& redis = limits.redis();
    if (redis.address().empty()) {
      if (!redis.username().empty() || !redis.password_file().empty()) {
        Add("limits.redis", "must have an address, for there is a username or a password_file");
      }
    } else if (limits.replicas() == 1) {
      Add("limits.redis.address", "must come with limits.replicas above 1");
    }
    if (!redis.username().empty() && redis.password_file().empty()) {
      Add("limits.redis.username", "must come with limits.redis.password_file");
    }
    for (int i = 0; i < limits.rules_size(); ++i) {
      CheckRule(limits.rules(i), Concat("limits.rules[", i, "]"));
    }
  }

 private:
  void Add(std::string_view key, std::string_view what) {
    errors_.push_back(Concat(key, ": ", what));
  }

  void CheckRule(const v1::LimitRule& rule, const std::string& key) {
    if (!names_.insert(rule.name()).second) {
      Add(Concat(key, ".name"), "must not be the name of another rule");
    }
    if (rule.by() == v1::LimitRule::BY_UNSPECIFIED) {
      Add(Concat(key, ".by"), "must be one of caller, workspace, upstream_key, gateway");
    }
    CheckBurst(rule.rate(), rule.burst(), Concat(key, ".burst"));
    std::set<std::string> patterns;
    for (int i = 0; i < rule.overrides_size(); ++i) {
      const v1::LimitOverride& other = rule.overrides(i);
      const std::string inner = Concat(key, ".overrides[", i, "]");
      if (!patterns.insert(other.pattern()).second) {
        Add(Concat(inner, ".pattern"), "must not be the pattern of another override of the rule");
      }
      const std::int64_t burst = other.burst() == 0 ? rule.burst() : other.burst();
      CheckBurst(other.rate(), burst, Concat(inner, ".burst"));
    }
    if (rule.by() == v1::LimitRule::BY_GATEWAY && rule.overrides_size() > 0) {
      Add(Concat(key, ".overrides"), "must be empty, for a rule by gateway is for all together");
    }
  }

  void CheckBurst(std::string_view rate_text, std::int64_t burst, const std::string& key) {
    const std::optional<Rate> rate = ParseRate(rate_text);
    if (rate.has_value() && !RefillsInADay(*rate, burst)) {
      Add(key, "must be no more than the rate allows in 24 hours");
    }
  }

  std::vector<std::string>& errors_;
  std::set<std::string> names_;
};

}  // namespace

std::optional<Rate> ParseRate(std::string_view text) {
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

absl::Status CheckRate(std::string_view text) {
  if (ParseRate(text).has_value()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "must be a number of calls from 1 to 1000000 per s, m or h, such as 100/s, 600/m or 1000/h");
}

absl::Status CheckOverrideRate(std::string_view text) {
  return text == kUnlimited || ParseRate(text).has_value()
             ? absl::OkStatus()
             : absl::InvalidArgumentError("must be a rate, such as 100/s or 600/m, or unlimited");
}

absl::Status CheckRuleName(std::string_view text) {
  if (!text.empty() && text.size() <= 64 && std::ranges::all_of(text, IsNameCharacter)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError("must be 1 to 64 of a-z 0-9 - _");
}

absl::Status CheckPattern(std::string_view text) {
  if (authz::IsWellFormedPattern(text)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "must be 1 to 512 visible characters, of which at most the last is a *");
}

absl::Status CheckServerAddress(std::string_view text) {
  if (text.empty()) return absl::OkStatus();
  const absl::StatusOr<HostPort> address = ParseHostPort(text);
  if (address.ok() && address->port != 0) return absl::OkStatus();
  return absl::InvalidArgumentError("must be HOST:PORT, such as redis:6379 or [::1]:6379");
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

void CheckLimits(const v1::Limits& limits, std::vector<std::string>* errors) {
  LimitsValidator(errors).Check(limits);
}

}  // namespace evalrun::config
