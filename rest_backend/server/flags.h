// SPDX-License-Identifier: Apache-2.0
//
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
  int port = 0;  // 0: any free port
};

struct Flags {
  Address listen;
  std::optional<Address> admin;
  std::string database;
  std::string seed;    // empty: none
  std::string faults;  // empty: none
  std::size_t connections = 0;
  // A file descriptor with the FaultPlan::State() of the process that this one replaces; -1: none.
  // Internal: not listed in `--help`.
  int resume = -1;
};

struct Exit {
  int status;
};

// Returns the flags; or, after printing the output of `--help` or `--version` or an error message,
// the exit status: 0 or 2.
[[nodiscard]] std::variant<Flags, Exit> ParseFlags(int argc, const char* const* argv);

// The arguments that ParseFlags() parses into `flags`, without the program's name.
[[nodiscard]] std::vector<std::string> ToArguments(const Flags& flags);

// `HOST:PORT` or `[IPV6]:PORT`.
[[nodiscard]] std::optional<Address> ParseAddress(std::string_view text);
[[nodiscard]] std::string FormatAddress(const Address& address);

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_FLAGS_H_
