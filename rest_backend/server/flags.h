// File: flags.h
//
// The command line of evalrun-backend.
#ifndef EVALRUN_REST_BACKEND_SERVER_FLAGS_H_
#define EVALRUN_REST_BACKEND_SERVER_FLAGS_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace evalrun::backend {

struct Address {
  std::string host;
  int port = 0;  // 0: any free one
};

struct Flags {
  Address listen;
  std::optional<Address> admin;
  std::string database;
  std::string seed;    // empty: none
  std::string faults;  // empty: none
  std::size_t connections = 0;
  // A file descriptor that holds FaultPlan::State() of the process that this one replaces; -1: it
  // replaces none. Not for people, and not in `--help`.
  int resume = -1;
};

struct Exit {
  int status;
};

// The flags; or, once `--help`, `--version` or a sentence about a bad flag is printed, the status
// to exit with: 0 or 2.
[[nodiscard]] std::variant<Flags, Exit> ParseFlags(int argc, const char* const* argv);

// A command line that ParseFlags turns into `flags` again. Without the program's name.
[[nodiscard]] std::vector<std::string> ToArguments(const Flags& flags);

// `HOST:PORT` or `[IPV6]:PORT`.
[[nodiscard]] std::optional<Address> ParseAddress(std::string_view text);
[[nodiscard]] std::string FormatAddress(const Address& address);

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_FLAGS_H_
