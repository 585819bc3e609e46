// SPDX-License-Identifier: Apache-2.0

#include "service/config/setting_registry.h"

#include <algorithm>
#include <cstddef>

#include <absl/strings/ascii.h>
#include <absl/strings/str_replace.h>

#include "service/config/text.h"

namespace evalrun::config {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

std::string NameToFlag(std::string_view name) {
  return absl::StrReplaceAll(std::string(name), {{".", "-"}, {"_", "-"}});
}

std::string FlagToVariable(std::string_view flag) {
  return Concat("EVALRUN_",
                absl::AsciiStrToUpper(absl::StrReplaceAll(std::string(flag), {{"-", "_"}})));
}

void Collect(const Descriptor* message, const SettingInfo& parent,
             std::vector<SettingInfo>* settings) {
  for (int i = 0; i < message->field_count(); ++i) {
    const FieldDescriptor* field = message->field(i);
    if (field->is_repeated()) continue;
    SettingInfo setting = parent;
    setting.path.push_back(field);
    setting.name = JoinName(parent.name, field->name());
    if (!IsLeaf(field)) {
      Collect(field->message_type(), setting, settings);
      continue;
    }
    const std::string& flag = GetSetting(field).flag();
    setting.flag = flag.empty() ? NameToFlag(setting.name) : flag;
    setting.variable = FlagToVariable(setting.flag);
    settings->push_back(std::move(setting));
  }
}

void CollectLists(const google::protobuf::Descriptor* message, const SettingInfo& parent,
                  bool in_list, std::vector<SettingInfo>* settings) {
  for (int i = 0; i < message->field_count(); ++i) {
    const FieldDescriptor* field = message->field(i);
    SettingInfo setting = parent;
    setting.path.push_back(field);
    setting.name = JoinName(parent.name, field->name());
    if (field->is_repeated()) setting.name += "[]";
    const bool listed = in_list || field->is_repeated();
    if (!IsLeaf(field)) {
      CollectLists(field->message_type(), setting, listed, settings);
    } else if (listed) {
      settings->push_back(std::move(setting));
    }
  }
}

}  // namespace

std::string JoinName(std::string_view parent, std::string_view name) {
  return parent.empty() ? std::string(name) : Concat(parent, ".", name);
}

const v1::Setting& GetSetting(const FieldDescriptor* field) {
  return field->options().GetExtension(v1::setting);
}

std::string_view Summary(const v1::Setting& setting) {
  const std::string_view help = setting.help();
  const std::size_t end = help.find(". ");
  return end == std::string_view::npos ? help : help.substr(0, end + 1);
}

bool IsLeaf(const FieldDescriptor* field) {
  return field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE ||
         field->message_type() == google::protobuf::Duration::descriptor();
}

const std::vector<SettingInfo>& AllSettings() {
  static const auto& settings = *[] {
    auto* all = new std::vector<SettingInfo>;
    Collect(v1::GatewayConfig::descriptor(), {}, all);
    return all;
  }();
  return settings;
}

const std::vector<SettingInfo>& AllListSettings() {
  static const auto& settings = *[] {
    auto* all = new std::vector<SettingInfo>;
    CollectLists(v1::GatewayConfig::descriptor(), {}, false, all);
    return all;
  }();
  return settings;
}

const SettingInfo* FindFlag(std::string_view flag) {
  const auto& settings = AllSettings();
  const auto found = std::find_if(settings.begin(), settings.end(),
                                  [flag](const SettingInfo& s) { return s.flag == flag; });
  return found == settings.end() ? nullptr : &*found;
}

google::protobuf::Message* MutableParent(const SettingInfo& setting, v1::GatewayConfig* config) {
  google::protobuf::Message* message = config;
  for (std::size_t i = 0; i + 1 < setting.path.size(); ++i) {
    message = message->GetReflection()->MutableMessage(message, setting.path[i]);
  }
  return message;
}

std::vector<text::Candidate> FlagCandidates() {
  std::vector<text::Candidate> candidates;
  for (const SettingInfo& setting : AllSettings()) {
    const std::string shown = Concat("--", setting.flag);
    candidates.push_back({setting.flag, shown});
    candidates.push_back({NameToFlag(setting.name), shown});
  }
  for (const char* flag : {"config", "check-config", "print-config", "version", "help"}) {
    candidates.push_back({flag, Concat("--", flag)});
  }
  return candidates;
}

std::vector<text::Candidate> VariableCandidates() {
  std::vector<text::Candidate> candidates = {{"EVALRUN_CONFIG", "EVALRUN_CONFIG"}};
  for (const SettingInfo& setting : AllSettings()) {
    candidates.push_back({setting.variable, setting.variable});
    candidates.push_back({FlagToVariable(NameToFlag(setting.name)), setting.variable});
  }
  return candidates;
}

}  // namespace evalrun::config
