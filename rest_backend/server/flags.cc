#include "rest_backend/server/flags.h"

#include <cstdio>
#include <string_view>

#include <CLI/CLI.hpp>

#include "rest_backend/server/text.h"

namespace evalrun::backend {
namespace {

// Splits `HOST:PORT` or `[IPV6]:PORT`.
bool ParseAddress(std::string_view address, Flags& flags) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) return false;
  std::string_view host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return false;
  }
  flags.host = host;
  const std::optional<std::int64_t> port = ParseInteger(address.substr(colon + 1));
  if (host.empty() || !port || *port < 0 || *port > 65535) return false;
  flags.port = static_cast<int>(*port);
  return true;
}

}  // namespace

std::variant<Flags, Exit> ParseFlags(int argc, const char* const* argv) {
  Flags flags;
  std::string listen = "127.0.0.1:8080";
  flags.database = "evalrun-backend.db";
  flags.connections = 512;

  CLI::App app("A REST backend for eval runs that answers as the vendor's API does.",
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
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return Exit{app.exit(error) == 0 ? 0 : 2};
  }
  if (!ParseAddress(listen, flags)) {
    std::fprintf(stderr, "--listen: `%s` must be HOST:PORT, such as 127.0.0.1:8080\n",
                 listen.c_str());
    return Exit{2};
  }
  return flags;
}

}  // namespace evalrun::backend
