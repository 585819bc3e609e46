// SPDX-License-Identifier: Apache-2.0
//
// File: flags.h
//
// Every command and flag, with its help text: the source for parsing, `--help`, the man page and
// the completion scripts.
#ifndef EVALRUN_SERVICE_CLI_FLAGS_H_
#define EVALRUN_SERVICE_CLI_FLAGS_H_

#include <memory>
#include <string>
#include <vector>

#include <CLI/App.hpp>

namespace evalrun::cli {

struct ConnectionFlags {
  CLI::Option* server_option = nullptr;  // tells whether --server was given
  std::string server;
  std::string timeout;
  bool tls = false;
  std::string ca_file;
  std::string cert_file;
  std::string key_file;
  std::string server_name;
};

// The values as typed, each checked by itself.
struct Flags {
  struct Delete {
    ConnectionFlags connection;
    std::vector<std::string> ids;
    std::string from_file;
    bool allow_empty = false;
    bool opaque_ids = false;
    CLI::Option* workspace = nullptr;  // tells whether --workspace was given
    std::string workspace_uuid;
    bool allow_missing = false;
    std::string request_id;
    int concurrency = 0;
    int max_attempts = 0;
    std::string max_wait;
    bool retry_unknown = false;
    std::string done_file;
    bool dry_run = false;
    bool json = false;
  } remove;
  ConnectionFlags health;
  std::string shell;
  std::string help_command;
};

// Subcommands: delete, health, version, completion, help. Parsing writes to `*flags`, which must
// outlive the result.
[[nodiscard]] std::unique_ptr<CLI::App> MakeApp(Flags* flags);

// What is wrong with HOST:PORT, or an empty string.
[[nodiscard]] std::string CheckServer(const std::string& server);

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_FLAGS_H_
