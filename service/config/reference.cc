#include "service/config/reference.h"

#include <string_view>

#include <absl/strings/str_replace.h>

#include "service/config/field_value.h"
#include "service/config/settings.h"
#include "service/config/text.h"

namespace evalrun::config {
namespace {

std::string Code(std::string_view text) { return text.empty() ? "" : Concat("`", text, "`"); }

std::string Allowed(const SettingInfo& setting) {
  const v1::Setting& schema = SettingOf(setting.field());
  if (schema.min().empty()) {
    return Code(absl::StrReplaceAll(Placeholder(setting.field()), {{"|", "\\|"}}));
  }
  std::string text = Concat(Code(schema.min()), " to ", Code(schema.max()));
  if (!schema.multiple_of().empty()) {
    Append(&text, ", multiple of ", Code(schema.multiple_of()));
  }
  return text;
}

std::string Row(const SettingInfo& setting) {
  const v1::Setting& schema = SettingOf(setting.field());
  const std::string default_value =
      schema.default_value().empty() ? "none" : Code(schema.default_value());
  return Concat("| ", Code(setting.key), " | ", Code(Concat("--", setting.flag)), " | ",
                Code(setting.variable), " | ", default_value, " | ", Allowed(setting), " | ",
                absl::StrReplaceAll(schema.help(), {{"|", "\\|"}}), " |\n");
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
      "`--version` and `--help` are flags only.\n"
      "\n"
      "## General\n"
      "\n";
  Append(&text, kTableHead);
  const google::protobuf::FieldDescriptor* section = nullptr;
  for (const SettingInfo& setting : AllSettings()) {
    const auto* own_section = setting.path.size() > 1 ? setting.path.front() : nullptr;
    if (own_section != section) {
      section = own_section;
      Append(&text, "\n## ", section == nullptr ? "General" : Code(section->name()), "\n\n",
             section == nullptr ? "" : SettingOf(section).help(), "\n\n", kTableHead);
    }
    Append(&text, Row(setting));
  }
  return text;
}

}  // namespace evalrun::config
