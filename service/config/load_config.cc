// SPDX-License-Identifier: Apache-2.0

#include "service/config/load_config.h"

#include <chrono>
#include <cstddef>
#include <utility>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/strings/str_join.h>

#include "service/config/api_key.h"
#include "service/config/append_target.h"
#include "service/config/contradictions.h"
#include "service/config/field_value.h"
#include "service/config/flags.h"
#include "service/config/help.h"
#include "service/config/limit_rules.h"
#include "service/config/parse_config.h"
#include "service/config/protected_runs.h"
#include "service/config/setting_registry.h"
#include "service/config/text.h"
#include "service/config/tls.h"
#include "service/config/upstream_keys.h"
#include "service/config/yaml_reader.h"
#include "service/config/yaml_writer.h"

namespace evalrun::config {
namespace {

constexpr std::string_view kProgram = "evalrun-gateway";
constexpr int kExitConfigError = 2;

using Errors = std::vector<std::string>;

// The sources of values. Later ones override earlier ones.
class Layers {
 public:
  explicit Layers(Errors* errors) : errors_(*errors) { SetDefaults(&config_); }

  void AddFile(const std::string& path, const FileReader& read_file) {
    if (path.empty()) return;
    const absl::StatusOr<std::string> yaml = read_file(path, kMaxConfigFileBytes);
    if (!yaml.ok()) {
      errors_.push_back(Concat("configuration file: ", yaml.status().message()));
      return;
    }
    ReadYaml(*yaml, path, &config_, &sources_, &errors_);
  }

  void AddEnvironment(const Environment& environment) {
    CheckForUnknownVariables(environment, &errors_);
    for (const SettingInfo& setting : AllSettings()) {
      const std::string_view text = Lookup(environment, setting.variable);
      if (!text.empty()) Set(setting, text, setting.variable);
    }
  }

  void AddFlags(const std::vector<FlagValue>& values) {
    for (const FlagValue& value : values) {
      Set(*value.setting, value.text, Concat("--", value.setting->flag));
    }
  }

  [[nodiscard]] const v1::GatewayConfig& config() const { return config_; }
  [[nodiscard]] const Sources& sources() const { return sources_; }

 private:
  void Set(const SettingInfo& setting, std::string_view text, const std::string& source) {
    const absl::Status status =
        SetFromText(setting.field(), text, MutableParent(setting, &config_));
    if (status.ok()) {
      sources_[setting.name] = source;
    } else {
      errors_.push_back(Concat(setting.name, " = ", ShowValue(setting.field(), text), " (from ",
                               source, "): ", status.message()));
    }
  }

  v1::GatewayConfig config_;
  Sources sources_;
  Errors& errors_;
};

EarlyExit MakeErrorExit(const Errors& errors) {
  std::string text = Concat(kProgram, ": configuration refused\n");
  for (const std::string& error : errors) Append(&text, "  ", error, "\n");
  Append(&text, "See ", kProgram, " --help.\n");
  return {.out = "", .err = std::move(text), .exit_code = kExitConfigError, .errors = errors};
}

EarlyExit MakeCheckedExit(const v1::GatewayConfig& config) {
  std::string warnings;
  for (const std::string& warning : FindContradictions(config)) {
    Append(&warnings, kProgram, ": warning: ", warning, "\n");
  }
  return {.out = "configuration OK\n", .err = std::move(warnings), .exit_code = 0};
}

// The first lines of a printed configuration. `key` says where the API key comes from.
std::string PrintHeader(std::string_view key) {
  return Concat("# ", kProgram, " ", Version(), "\n# API key: ", key, "\n");
}

// `source` is a variable or a file.
std::string DescribeKey(std::string_view source) {
  return Concat("from ", Escape(source), ", ****");
}

std::string PrintConfig(const Layers& layers, const absl::StatusOr<ApiKey>& key) {
  if (key.ok()) {
    return Concat(PrintHeader(DescribeKey(key->source)),
                  WriteYaml(layers.config(), layers.sources()));
  }
  v1::GatewayConfig config = layers.config();
  std::string* const file = config.mutable_upstream()->mutable_api_key_file();
  if (MayBeApiKey(*file)) *file = "****";
  return Concat(PrintHeader(Concat("none (", key.status().message(), ")")),
                WriteYaml(config, layers.sources()));
}

// Moves the API key into `loaded`, and reads the other secrets. The password of Redis is only
// checked: it is read again for each connection.
void LoadSecrets(absl::StatusOr<ApiKey> key, const FileReader& read_file, LoadedConfig* loaded,
                 Errors* errors) {
  if (key.ok()) {
    loaded->api_key = std::move(key->key);
    loaded->api_key_source = std::move(key->source);
  } else {
    errors->emplace_back(key.status().message());
  }
  ReadUpstreamKeys(read_file, &loaded->keys, errors);
  const std::string& file = loaded->config.limits().redis().password_file();
  if (file.empty()) return;
  absl::StatusOr<std::string> password = ReadPassword(file, read_file);
  if (password.ok()) {
    WipeString(&*password);
  } else {
    errors->push_back(Concat("limits.redis.password_file: ", password.status().message()));
  }
}

void CheckTlsFiles(const v1::GatewayConfig& config, const FileReader& read_file, Errors* errors) {
  for (const TlsPaths& paths : {ToTlsPaths(config.tls()), ToTlsPaths(config.upstream()),
                                ToTlsPaths(config.limits().redis())}) {
    const auto tls = LoadTlsFiles(paths, read_file, std::chrono::system_clock::now());
    if (!tls.ok()) errors->emplace_back(tls.status().message());
  }
}

// Only that it can be read, as at the start: deletions do not depend on traces, and the exporter
// reads it again for each connection.
void CheckTracingFile(const LoadedConfig& loaded, const FileReader& read_file, Errors* errors) {
  const std::string& file = loaded.config.tracing().ca_file();
  if (loaded.traces_url.empty() || file.empty()) return;
  const absl::StatusOr<std::string> text = read_file(file, kMaxConfigFileBytes);
  if (!text.ok()) errors->push_back(Concat("tracing.ca_file: ", text.status().message()));
}

// What the start would open, too.
void CheckAuditFile(const v1::GatewayConfig& config, Errors* errors) {
  const std::string& to = config.audit().to();
  if (to == "off" || to == "log") return;
  const absl::Status status = CheckAppendTarget(to);
  if (!status.ok()) errors->push_back(Concat("audit.to = ", Quote(to), ": ", status.message()));
}

void CheckProtectedRuns(const v1::GatewayConfig& config, Errors* errors) {
  const std::string& path = config.protected_runs_file();
  if (path.empty()) return;
  const absl::StatusOr<std::string> text = ReadProtectedRuns(path);
  const absl::Status status =
      text.ok() ? ParseProtectedRuns(*text, path, config.ids().opaque()).status() : text.status();
  if (!status.ok()) errors->push_back(Concat("protected_runs_file: ", status.message()));
}

}  // namespace

std::string_view Version() { return EVALRUN_VERSION; }

LoadResult LoadConfig(int argc, const char* const* argv, const Environment& environment,
                      const FileReader& read_file) {
  Errors errors;
  const ParsedFlags flags = ParseFlags(argc, argv, &errors);
  // Help is printed whatever else is wrong.
  if (flags.help) return EarlyExit{.out = HelpText(kProgram), .err = "", .exit_code = 0};
  if (flags.version) {
    return EarlyExit{.out = Concat(kProgram, " ", Version(), "\n"), .err = "", .exit_code = 0};
  }

  Layers layers(&errors);
  const std::string_view file_variable = Lookup(environment, "EVALRUN_CONFIG");
  layers.AddFile(flags.config_file.empty() ? std::string(file_variable) : flags.config_file,
                 read_file);
  layers.AddEnvironment(environment);
  layers.AddFlags(flags.values);
  const v1::GatewayConfig& config = layers.config();
  LoadedConfig loaded = ParseConfig(config, layers.sources(), &errors);
  absl::StatusOr<ApiKey> key = FindApiKey(config.upstream().api_key_file(), environment, read_file);
  loaded.printed_config = PrintConfig(layers, key);
  if (flags.print_config) {
    if (!errors.empty()) return MakeErrorExit(errors);
    return EarlyExit{.out = std::move(loaded.printed_config), .err = "", .exit_code = 0};
  }
  LoadSecrets(std::move(key), read_file, &loaded, &errors);
  if (flags.check_config && errors.empty()) {
    CheckTlsFiles(config, read_file, &errors);
    CheckTracingFile(loaded, read_file, &errors);
    CheckAuditFile(config, &errors);
    CheckProtectedRuns(config, &errors);
  }
  if (!errors.empty()) return MakeErrorExit(errors);
  if (flags.check_config) return MakeCheckedExit(config);
  return loaded;
}

absl::StatusOr<LoadedConfig> LoadKeys(const v1::GatewayConfig& config,
                                      const Environment& environment, const FileReader& read_file) {
  Errors errors;
  LoadedConfig loaded = ParseConfig(config, /*sources=*/{}, &errors);
  LoadSecrets(FindApiKey(config.upstream().api_key_file(), environment, read_file), read_file,
              &loaded, &errors);
  if (!errors.empty()) return absl::InvalidArgumentError(absl::StrJoin(errors, "; "));
  return absl::StatusOr<LoadedConfig>(std::move(loaded));
}

std::string PrintReloaded(const LoadedConfig& loaded) {
  return Concat(PrintHeader(DescribeKey(loaded.api_key_source)),
                "# after a reload, without sources\n", WriteYaml(loaded.config, /*sources=*/{}));
}

}  // namespace evalrun::config
