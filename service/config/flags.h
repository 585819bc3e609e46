// SPDX-License-Identifier: Apache-2.0
//
// File: flags.h
//
// Parses the command line: `--flag=VALUE` or `--flag VALUE`; a flag of type bool without a value is
// true. Of a flag that is given twice the last one counts.
#ifndef EVALRUN_SERVICE_CONFIG_FLAGS_H_
#define EVALRUN_SERVICE_CONFIG_FLAGS_H_

#include <string>
#include <vector>

#include "service/config/setting_registry.h"

namespace evalrun::config {

struct FlagValue {
  const SettingInfo* setting;
  std::string text;
};

struct ParsedFlags {
  std::vector<FlagValue> values;  // in the order given; not parsed yet
  std::string config_file;        // `--config`, or empty
  bool check_config = false;
  bool print_config = false;
  bool version = false;
  bool help = false;
};

// Parses `argv[1]` and the rest. An argument that is not a flag, and a flag that does not exist, is
// an error. Errors never show a value: it may be a misplaced API key.
[[nodiscard]] ParsedFlags ParseFlags(int argc, const char* const* argv,
                                     std::vector<std::string>* errors);

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_FLAGS_H_
