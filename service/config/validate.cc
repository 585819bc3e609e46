#include "service/config/validate.h"

#include <cstdint>
#include <optional>

#include <absl/status/status.h>
#include <absl/strings/numbers.h>

#include "service/config/authorization.h"
#include "service/config/duration.h"
#include "service/config/field_value.h"
#include "service/config/host_port.h"
#include "service/config/identity.h"
#include "service/config/limit_rules.h"
#include "service/config/text.h"
#include "service/config/tls.h"
#include "service/config/upstream_keys.h"
#include "service/config/upstream_url.h"

namespace evalrun::config {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// A number, or the microseconds of a duration: what bounds are compared in.
std::optional<std::int64_t> Magnitude(const FieldDescriptor* field, const std::string& text) {
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    const auto duration = ParseDuration(text);
    return duration ? std::optional(std::int64_t{duration->count()}) : std::nullopt;
  }
  std::int64_t number = 0;
  return absl::SimpleAtoi(text, &number) ? std::optional(number) : std::nullopt;
}

absl::Status CheckBounds(const FieldDescriptor* field, const std::string& text) {
  const v1::Setting& setting = GetSetting(field);
  const std::optional<std::int64_t> min = Magnitude(field, setting.min());
  const std::optional<std::int64_t> max = Magnitude(field, setting.max());
  const std::optional<std::int64_t> step = Magnitude(field, setting.multiple_of());
  if (!min || !max) return absl::OkStatus();
  const std::optional<std::int64_t> value = Magnitude(field, text);
  if (!value || *value < *min || *value > *max) {
    return absl::InvalidArgumentError(
        Concat("must be from ", setting.min(), " to ", setting.max()));
  }
  if (step && *value % *step != 0) {
    return absl::InvalidArgumentError(Concat("must be a multiple of ", setting.multiple_of()));
  }
  return absl::OkStatus();
}

absl::Status CheckFormat(const FieldDescriptor* field, const std::string& text) {
  switch (GetSetting(field).format()) {
    case v1::FORMAT_LISTEN_ADDRESS:
      return ParseHostPort(text).status();
    case v1::FORMAT_UPSTREAM_URL:
      return ParseUpstreamUrl(text).status();
    case v1::FORMAT_PROXY_URL:
      return text.empty() ? absl::OkStatus() : CheckProxyUrl(text);
    case v1::FORMAT_METADATA_KEY:
      return CheckMetadataKey(text);
    case v1::FORMAT_NETWORK:
      return CheckNetwork(text);
    case v1::FORMAT_CERTIFICATE_PATTERN:
      return CheckCertificatePattern(text);
    case v1::FORMAT_RULE_NAME:
      return CheckRuleName(text);
    case v1::FORMAT_RATE:
      return CheckRate(text);
    case v1::FORMAT_OVERRIDE_RATE:
      return CheckOverrideRate(text);
    case v1::FORMAT_PATTERN:
      return CheckPattern(text);
    case v1::FORMAT_SERVER_ADDRESS:
      return CheckServerAddress(text);
    default:
      return absl::OkStatus();
  }
}

std::string FormatSource(const std::string& key, const Sources& sources) {
  const auto found = sources.find(key);
  return found == sources.end() ? "default" : Concat("from ", found->second);
}

// Each field by itself.
void CheckFields(const Message& message, const std::string& path, const Sources& sources,
                 std::vector<std::string>* errors) {
  const auto* reflection = message.GetReflection();
  const auto* descriptor = message.GetDescriptor();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const FieldDescriptor* field = descriptor->field(i);
    const std::string name = path.empty() ? field->name() : Concat(path, ".", field->name());
    const int count = field->is_repeated() ? reflection->FieldSize(message, field) : 1;
    for (int index = 0; index < count; ++index) {
      const std::string key = field->is_repeated() ? Concat(name, "[", index, "]") : name;
      if (!IsLeaf(field)) {
        CheckFields(field->is_repeated() ? reflection->GetRepeatedMessage(message, field, index)
                                         : reflection->GetMessage(message, field),
                    key, sources, errors);
        continue;
      }
      const std::string text = FieldText(message, field, index);
      absl::Status status = CheckBounds(field, text);
      status.Update(CheckFormat(field, text));
      if (!status.ok()) {
        errors->push_back(Concat(key, " = ", ShowValue(field, text), " (",
                                 FormatSource(key, sources), "): ", status.message()));
      }
    }
  }
}

}  // namespace

void Validate(const v1::GatewayConfig& config, const Sources& sources,
              std::vector<std::string>* errors) {
  CheckFields(config, "", sources, errors);

  const auto value = [&sources](const std::string& key, const google::protobuf::Duration& d) {
    return Concat(key, " = \"", FormatDuration(ToMicroseconds(d)), "\" (",
                  FormatSource(key, sources), ")");
  };
  const auto& initial_backoff = config.retry().initial_backoff();
  const auto& max_backoff = config.retry().max_backoff();
  if (ToMicroseconds(initial_backoff) > ToMicroseconds(max_backoff)) {
    errors->push_back(Concat(value("retry.initial_backoff", initial_backoff),
                             ": must be no longer than ", value("retry.max_backoff", max_backoff)));
  }
  const auto& margin = config.deadline().margin();
  const auto& default_timeout = config.deadline().default_timeout();
  if (ToMicroseconds(margin) >= ToMicroseconds(default_timeout)) {
    errors->push_back(Concat(value("deadline.margin", margin), ": must be shorter than ",
                             value("deadline.default_timeout", default_timeout)));
  }
  CheckIdentity(config.identity(), errors);
  CheckLimits(config.limits(), errors);
  if (const std::string& to = config.audit().to();
      to != "off" && to != "log" && to.find('/') == std::string::npos) {
    errors->push_back(Concat("audit.to = \"", Escape(to), "\" (", FormatSource("audit.to", sources),
                             "): must be off, log, or a path with a slash in it"));
  }
  CheckUpstreamKeys(config.upstream(), config.ids().opaque(), errors);
  CheckAuthorization(config.authorization(), config.ids().opaque(), errors);
  CheckTls(config, errors);
  const auto listen = ParseHostPort(config.listen());
  if (listen.ok() && listen->port != 0 && listen == ParseHostPort(config.admin_listen())) {
    errors->push_back(Concat("admin_listen = \"", config.admin_listen(), "\" (",
                             FormatSource("admin_listen", sources),
                             "): must be another address than listen"));
  }
}

}  // namespace evalrun::config
