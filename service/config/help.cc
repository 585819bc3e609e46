// SPDX-License-Identifier: Apache-2.0

#include "service/config/help.h"

#include "service/config/field_value.h"
#include "service/config/setting_registry.h"
#include "service/config/text.h"

namespace evalrun::config {

std::string HelpText(std::string_view program) {
  std::string text = Concat(
      "Usage: ", program,
      " [flags]\n"
      "\n"
      "Serves aymara.evals.v1.EvalRunService over gRPC and deletes eval runs over REST.\n"
      "\n"
      "The API key comes from the environment variable AYMARA_AI_API_KEY or, first, from the file\n"
      "named by --api-key-file. Flags win over environment variables (EVALRUN_ and the flag's "
      "name\n"
      "in capitals: EVALRUN_UPSTREAM_TIMEOUT), those over the YAML file, the file over the\n"
      "defaults.\n"
      "\n"
      "  --config=FILE\n"
      "      YAML file to read.\n"
      "  --check-config\n"
      "      Say whether the gateway would start with this configuration (exit 0) or not (exit "
      "2).\n"
      "  --print-config\n"
      "      Print the configuration as YAML, with secrets masked, and exit.\n"
      "  --version\n"
      "      Print the version and exit.\n"
      "  --help\n"
      "      Print this and exit.\n"
      "\n"
      "Durations are a whole number followed by ms, s, m or h. A true|false flag alone is true.\n"
      "\n");
  for (const SettingInfo& setting : AllSettings()) {
    const v1::Setting& schema = GetSetting(setting.field());
    Append(&text, "  --", setting.flag, "=", Placeholder(setting.field()));
    if (!schema.default_value().empty()) {
      Append(&text, "  (default ", schema.default_value(), ")");
    }
    Append(&text, "\n      ", Summary(schema), "\n");
  }
  return text;
}

}  // namespace evalrun::config
