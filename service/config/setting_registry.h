// File: setting_registry.h
//
// The list of all settings, read off the schema (config.proto), with their names in YAML, on the
// command line and in the environment.
#ifndef EVALRUN_SERVICE_CONFIG_SETTING_REGISTRY_H_
#define EVALRUN_SERVICE_CONFIG_SETTING_REGISTRY_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "service/config/config.pb.h"
#include "service/config/did_you_mean.h"

namespace evalrun::config {

// One field that holds a value: a scalar or a duration.
struct SettingInfo {
  std::string key;       // `upstream.timeout`
  std::string flag;      // `upstream-timeout`
  std::string variable;  // `EVALRUN_UPSTREAM_TIMEOUT`
  // From GatewayConfig down to the field; never empty.
  std::vector<const google::protobuf::FieldDescriptor*> path;

  [[nodiscard]] const google::protobuf::FieldDescriptor* field() const { return path.back(); }
};

// Which layer gave a setting its value, by key: `--listen`, `EVALRUN_LISTEN`, `gateway.yaml:3`. A
// setting that is not in it has its default.
using Sources = std::map<std::string, std::string>;

// What the schema says about a field. Lives as long as the program.
[[nodiscard]] const v1::Setting& GetSetting(const google::protobuf::FieldDescriptor* field);

// The first sentence of its help.
[[nodiscard]] std::string_view Summary(const v1::Setting& setting);

// Whether the field holds a value, rather than further fields.
[[nodiscard]] bool IsLeaf(const google::protobuf::FieldDescriptor* field);

// All settings of GatewayConfig in the order of the schema. What is inside a repeated field can
// only be written in YAML and is not among them. Thread-safe.
[[nodiscard]] const std::vector<SettingInfo>& AllSettings();

// What can only be written in YAML: repeated fields of values, and the values in repeated messages,
// in the order of the schema. Their keys are `identity.trusted_networks[]`, `limits.rules[].name`;
// flag and variable are empty. Thread-safe.
[[nodiscard]] const std::vector<SettingInfo>& AllListSettings();

// The setting with this flag (without dashes), or nullptr.
[[nodiscard]] const SettingInfo* FindFlag(std::string_view flag);

// The message that holds the setting's field, in `config`.
[[nodiscard]] google::protobuf::Message* MutableParent(const SettingInfo& setting,
                                                       v1::GatewayConfig* config);

// What people may mean that write a flag, or the name of a variable, that does not exist.
[[nodiscard]] std::vector<Candidate> FlagCandidates();
[[nodiscard]] std::vector<Candidate> VariableCandidates();

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_SETTING_REGISTRY_H_
