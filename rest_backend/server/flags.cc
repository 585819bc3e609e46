// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/server/flags.h"

#include <cstdio>
#include <string_view>

#include <CLI/CLI.hpp>

#include "rest_backend/server/text.h"

namespace evalrun::backend {
namespace {

bool ReadAddress(const char* flag, const std::string& text, Address& address) {
  const std::optional<Address> parsed = ParseAddress(text);
  if (parsed) {
    address = *parsed;
  } else {
    std::fprintf(stderr, "%s: `%s` must be HOST:PORT, such as 127.0.0.1:8080\n", flag,
                 text.c_str());
  }
  return parsed.has_value();
}

}  // namespace

std::optional<Address> ParseAddress(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return std::nullopt;
  }
  const std::optional<std::int64_t> port = ParseInteger(text.substr(colon + 1));
  if (host.empty() || !port || *port < 0 || *port > 65535) return std::nullopt;
  return Address{std::string(host), static_cast<int>(*port)};
}

std::string FormatAddress(const Address& address) {
  const bool ipv6 = address.host.find(':') != std::string::npos;
  return Concat(ipv6 ? "[" : "", address.host, ipv6 ? "]:" : ":", std::to_string(address.port));
}

std::vector<std::string> ToArguments(const Flags& flags) {
  std::vector<std::string> arguments = {"--listen",          FormatAddress(flags.listen),
                                        "--database",        flags.database,
                                        "--max-connections", std::to_string(flags.connections)};
  const auto add = [&](const char* flag, const std::string& value) {
    arguments.insert(arguments.end(), {flag, value});
  };
  if (flags.admin) add("--admin-listen", FormatAddress(*flags.admin));
  if (!flags.seed.empty()) add("--seed", flags.seed);
  if (!flags.faults.empty()) add("--faults", flags.faults);
  if (flags.resume >= 0) add("--resume", std::to_string(flags.resume));
  return arguments;
}

std::variant<Flags, Exit> ParseFlags(int argc, const char* const* argv) {
  Flags flags;
  std::string listen = "127.0.0.1:8080";
  std::string admin;
  flags.database = "evalrun-backend.db";
  flags.connections = 512;

  CLI::App app("A REST backend for eval runs that responds as the vendor's API does.",
               "evalrun-backend");
  app.set_version_flag("--version", "evalrun-backend " EVALRUN_VERSION);
  app.add_option("--listen", listen, "Where to serve; port 0 picks a free one")
      ->type_name("HOST:PORT")
      ->capture_default_str();
  app.add_option("--database", flags.database, "SQLite file, created when absent")
      ->type_name("FILE")
      ->capture_default_str();
  app.add_option("--seed", flags.seed,
                 "JSON file of organizations, keys, workspaces and runs to begin with")
      ->type_name("FILE");
  app.add_option("--max-connections", flags.connections,
                 "Connections served at a time, each by a thread")
      ->check(CLI::Range(1, 10000))
      ->type_name("N")
      ->capture_default_str();
  app.add_option("--admin-listen", admin,
                 "Where fault scripts are taken; port 0 picks a free one; without it, nowhere")
      ->type_name("HOST:PORT");
  app.add_option("--faults", flags.faults, "JSON file of a fault script to begin with")
      ->type_name("FILE");
  app.add_option("--resume", flags.resume)->group("");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return Exit{app.exit(error) == 0 ? 0 : 2};
  }
  if (flags.database.empty() || flags.database.starts_with(':')) {
    // Each connection of SQLite would have a database of its own.
    std::fputs("--database: must name a file\n", stderr);
    return Exit{2};
  }
  if (!ReadAddress("--listen", listen, flags.listen)) return Exit{2};
  if (!admin.empty() && !ReadAddress("--admin-listen", admin, flags.admin.emplace())) {
    return Exit{2};
  }
  return flags;
}

}  // namespace evalrun::backend
