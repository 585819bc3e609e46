// SPDX-License-Identifier: Apache-2.0
//
// File: setting_registry.h
//
// All settings of the schema (config.proto), with their names in YAML, on the command line and in
// the environment.
#ifndef EVALRUN_SERVICE_CONFIG_SETTING_REGISTRY_H_
#define EVALRUN_SERVICE_CONFIG_SETTING_REGISTRY_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "service/config/config.pb.h"
#include "service/text/did_you_mean.h"

namespace evalrun::config {

// One field that holds a value: a scalar or a duration.
struct SettingInfo {
  std::string name;      // `upstream.timeout`: its path in YAML
  std::string flag;      // `upstream-timeout`
  std::string variable;  // `EVALRUN_UPSTREAM_TIMEOUT`
  // From GatewayConfig down to the field; never empty.
  std::vector<const google::protobuf::FieldDescriptor*> path;

  [[nodiscard]] const google::protobuf::FieldDescriptor* field() const { return path.back(); }
};

// Where each setting got its value, by name: `--listen`, `EVALRUN_LISTEN`, `gateway.yaml:3`. A
// setting that is not in it has its default.
using Sources = std::map<std::string, std::string>;

// The name of a setting within `parent`, which is empty at the top.
[[nodiscard]] std::string JoinName(std::string_view parent, std::string_view name);

// The option `setting` of a field. Lives as long as the program.
[[nodiscard]] const v1::Setting& GetSetting(const google::protobuf::FieldDescriptor* field);

// The first sentence of the setting's help.
[[nodiscard]] std::string_view Summary(const v1::Setting& setting);

// Whether the field holds a value, rather than further fields.
[[nodiscard]] bool IsLeaf(const google::protobuf::FieldDescriptor* field);

// All settings of GatewayConfig in the order of the schema, except those inside a repeated field,
// which can only be written in YAML. Thread-safe.
[[nodiscard]] const std::vector<SettingInfo>& AllSettings();

// The settings that can only be written in YAML, in the order of the schema: repeated values, and
// the values in repeated messages. Their names are like `identity.trusted_networks[]` and
// `limits.rules[].name`; flag and variable are empty. Thread-safe.
[[nodiscard]] const std::vector<SettingInfo>& AllListSettings();

// The setting with this flag (without dashes), or nullptr.
[[nodiscard]] const SettingInfo* FindFlag(std::string_view flag);

// The message that holds the setting's field, in `config`.
[[nodiscard]] google::protobuf::Message* MutableParent(const SettingInfo& setting,
                                                       v1::GatewayConfig* config);

// Suggestions for a flag, or for a variable, that does not exist.
[[nodiscard]] std::vector<text::Candidate> FlagCandidates();
[[nodiscard]] std::vector<text::Candidate> VariableCandidates();

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_SETTING_REGISTRY_H_
