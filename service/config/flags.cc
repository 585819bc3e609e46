// SPDX-License-Identifier: Apache-2.0

#include "service/config/flags.h"

#include <cstddef>
#include <optional>
#include <string_view>

#include "service/config/text.h"
#include "service/text/did_you_mean.h"

namespace evalrun::config {
namespace {

bool IsBool(const SettingInfo& setting) {
  return setting.field()->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_BOOL;
}

bool* FindAction(std::string_view name, ParsedFlags* flags) {
  if (name == "check-config") return &flags->check_config;
  if (name == "print-config") return &flags->print_config;
  if (name == "version") return &flags->version;
  if (name == "help") return &flags->help;
  return nullptr;
}

}  // namespace

ParsedFlags ParseFlags(int argc, const char* const* argv, std::vector<std::string>* errors) {
  ParsedFlags flags;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (!argument.starts_with("--") || argument.size() == 2) {
      errors->push_back(Concat("argument ", i, ": not a flag; flags begin with --"));
      continue;
    }
    const std::size_t equals = argument.find('=');
    const std::string_view name = argument.substr(2, equals - 2);
    std::optional<std::string> value;
    if (equals != std::string_view::npos) value = std::string(argument.substr(equals + 1));
    const bool next_is_value = i + 1 < argc && !std::string_view(argv[i + 1]).starts_with("--");

    if (bool* action = FindAction(name, &flags)) {
      *action = true;
      if (value) errors->push_back(Concat("--", name, ": takes no value"));
      continue;
    }
    const SettingInfo* setting = FindFlag(name);
    if (setting == nullptr && name != "config") {
      errors->push_back(
          Concat("--", Escape(name), ": no such flag", text::DidYouMean(name, FlagCandidates())));
      // Most likely its value.
      if (!value && next_is_value) ++i;
      continue;
    }
    if (!value && setting != nullptr && IsBool(*setting)) value = "true";
    if (!value && next_is_value) value = argv[++i];
    if (!value) {
      errors->push_back(Concat("--", name, ": needs a value"));
    } else if (setting != nullptr) {
      flags.values.push_back({setting, *std::move(value)});
    } else if (value->empty()) {
      errors->push_back("--config: needs the name of a file");
    } else {
      flags.config_file = *std::move(value);
    }
  }
  return flags;
}

}  // namespace evalrun::config
