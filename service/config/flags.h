// File: flags.h
//
// The command line, taken apart: `--flag=VALUE` or `--flag VALUE`; a flag of type bool alone is
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
  std::vector<FlagValue> values;  // in the order given; not yet read as their types
  std::string config_file;        // `--config`, or empty
  bool check_config = false;
  bool print_config = false;
  bool version = false;
  bool help = false;
};

// Reads `argv[1]` and on. What is not a flag, and flags that do not exist, become errors, which
// never show a value: it may be a key that was meant for somewhere else.
[[nodiscard]] ParsedFlags ParseFlags(int argc, const char* const* argv,
                                     std::vector<std::string>* errors);

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_FLAGS_H_
