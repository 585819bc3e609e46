// SPDX-License-Identifier: Apache-2.0

#include "service/config/reference.h"

#include <algorithm>
#include <string_view>

#include <absl/strings/str_replace.h>

#include "service/config/field_value.h"
#include "service/config/setting_registry.h"
#include "service/config/text.h"

namespace evalrun::config {
namespace {

std::string Code(std::string_view text) { return text.empty() ? "" : Concat("`", text, "`"); }

std::string Allowed(const SettingInfo& setting) {
  const v1::Setting& schema = GetSetting(setting.field());
  if (schema.min().empty()) {
    return Code(absl::StrReplaceAll(Placeholder(setting.field()), {{"|", "\\|"}}));
  }
  std::string text = Concat(Code(schema.min()), " to ", Code(schema.max()));
  if (!schema.multiple_of().empty()) {
    Append(&text, ", multiple of ", Code(schema.multiple_of()));
  }
  return text;
}

bool IsLive(const SettingInfo& setting) {
  return std::ranges::any_of(setting.path,
                             [](const auto* field) { return GetSetting(field).live(); });
}

std::string Row(const SettingInfo& setting) {
  const v1::Setting& schema = GetSetting(setting.field());
  const std::string default_value =
      schema.default_value().empty() ? "none" : Code(schema.default_value());
  const bool yaml_only = setting.flag.empty();
  return Concat("| ", Code(setting.name), " | ",
                yaml_only ? "YAML only" : Code(Concat("--", setting.flag)), " | ",
                Code(setting.variable), " | ", default_value, " | ", Allowed(setting), " | ",
                absl::StrReplaceAll(schema.help(), {{"|", "\\|"}}),
                IsLive(setting) ? " *Live.*" : "", " |\n");
}

// The section of the file that a setting stands in, or nullptr.
const google::protobuf::FieldDescriptor* FindSection(const SettingInfo& setting) {
  return setting.path.size() > 1 ? setting.path.front() : nullptr;
}

constexpr std::string_view kTableHead =
    "| YAML key | Flag | Environment | Default | Allowed | Meaning |\n"
    "| --- | --- | --- | --- | --- | --- |\n";

}  // namespace

std::string ReferenceMarkdown() {
  std::string text =
      "# Configuration reference\n"
      "\n"
      "Made from `config.proto`; do not edit. The unit test `ReferenceTest` keeps it current and,\n"
      "with `UPDATE_GOLDEN=1` in its environment, writes it.\n"
      "\n"
      "The API key is no setting: it comes from `AYMARA_AI_API_KEY` or the file `--api-key-file`.\n"
      "`--config` (or `EVALRUN_CONFIG`) names the YAML file. `--check-config`, `--print-config`,\n"
      "`--version` and `--help` are flags only. `[]` marks a list, and what stands in each of its\n"
      "elements. *Live*: takes effect when the file changes, or on SIGHUP; anything else needs a\n"
      "restart.\n"
      "\n"
      "## General\n"
      "\n";
  Append(&text, kTableHead);
  const auto append_rows = [&text](const google::protobuf::FieldDescriptor* section) {
    for (const auto* settings : {&AllSettings(), &AllListSettings()}) {
      for (const SettingInfo& setting : *settings) {
        if (FindSection(setting) == section) Append(&text, Row(setting));
      }
    }
  };
  append_rows(nullptr);
  const auto* descriptor = v1::GatewayConfig::descriptor();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const auto* section = descriptor->field(i);
    if (IsLeaf(section)) continue;
    Append(&text, "\n## ", Code(section->name()), "\n\n", GetSetting(section).help(), "\n\n",
           kTableHead);
    append_rows(section);
  }
  return text;
}

}  // namespace evalrun::config
