// File: flags.h
//
// The command line of evalrun-backend.
#ifndef EVALRUN_REST_BACKEND_SERVER_FLAGS_H_
#define EVALRUN_REST_BACKEND_SERVER_FLAGS_H_

#include <cstddef>
#include <string>
#include <variant>

namespace evalrun::backend {

struct Flags {
  std::string host;
  int port = 0;  // 0: any free one
  std::string database;
  std::string seed;  // empty: none
  std::size_t connections = 0;
};

struct Exit {
  int status;
};

// The flags; or, once `--help`, `--version` or a sentence about a bad flag is printed, the status
// to exit with: 0 or 2.
[[nodiscard]] std::variant<Flags, Exit> ParseFlags(int argc, const char* const* argv);

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_FLAGS_H_
