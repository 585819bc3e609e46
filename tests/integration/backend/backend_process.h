// SPDX-License-Identifier: Apache-2.0
//
// File: backend_process.h
//
// Runs evalrun-backend as a child process with a directory of its own.
#ifndef EVALRUN_TESTS_INTEGRATION_BACKEND_BACKEND_PROCESS_H_
#define EVALRUN_TESTS_INTEGRATION_BACKEND_BACKEND_PROCESS_H_

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include <httplib.h>
#include <nlohmann/json.hpp>

namespace evalrun::backend {

// A new temporary directory, removed with its contents by the destructor.
class TempDirectory {
 public:
  TempDirectory();
  ~TempDirectory();
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;

  // The path of a file in the directory.
  [[nodiscard]] std::string File(const std::string& name) const { return path_ / name; }
  // Writes a file and returns its path.
  [[nodiscard]] std::string Write(const std::string& name, const std::string& text) const;

 private:
  std::filesystem::path path_;
};

// How a process ended.
struct ExitResult {
  int exit_status = -1;  // -1: terminated by a signal
  int signal = 0;
  std::string standard_error;
};

class BackendProcess {
 public:
  // Starts the binary with `arguments`. The process is killed when the test ends.
  BackendProcess(const TempDirectory& directory, const std::vector<std::string>& arguments);
  // Uses the default arguments: port 0, a database `runs.db` and the seed `seed.json` in
  // `directory`.
  explicit BackendProcess(const TempDirectory& directory);
  // The default arguments, followed by these.
  [[nodiscard]] static std::vector<std::string> WithDefaultArguments(
      const TempDirectory& directory, const std::vector<std::string>& more);
  ~BackendProcess();
  BackendProcess(const BackendProcess&) = delete;
  BackendProcess& operator=(const BackendProcess&) = delete;

  // The next line of stdout without its newline; empty at the end of the output.
  [[nodiscard]] std::string ReadLine();
  // Waits for the line with the port on which it listens; 0 if it exited or printed something else.
  [[nodiscard]] int WaitForPort();
  // Returns a client for the port found by WaitForPort(). Keep-alive; use one per thread.
  [[nodiscard]] httplib::Client Connect() const;
  [[nodiscard]] int port() const { return port_; }
  // The same for the admin port; 0: there is none.
  [[nodiscard]] httplib::Client ConnectAdmin() const;
  [[nodiscard]] int admin_port() const { return admin_port_; }

  void Signal(int signal) const;
  ExitResult Wait();

 private:
  std::string stderr_file_;
  pid_t pid_ = -1;
  int stdout_ = -1;
  int port_ = 0;
  int admin_port_ = 0;
};

// The data of most tests: one organization with two workspaces and some keys, and another
// organization.
namespace ids {
inline constexpr char kKey[] = "key-of-a";
inline constexpr char kExpiredKey[] = "key-expired";
inline constexpr char kReadOnlyKey[] = "key-read-only";
inline constexpr char kDeletedOrganizationKey[] = "key-of-a-deleted-organization";
inline constexpr char kRateLimitedKey[] = "key-with-a-quota";
inline constexpr char kOtherOrganizationKey[] = "key-of-another-organization";
inline constexpr char kWorkspace[] = "aaaaaaaa-0000-4000-8000-00000000000a";
inline constexpr char kOtherWorkspace[] = "aaaaaaaa-0000-4000-8000-00000000000b";
inline constexpr char kOtherOrganizationWorkspace[] = "aaaaaaaa-0000-4000-8000-00000000000c";
inline constexpr char kEval[] = "eeeeeeee-0000-4000-8000-000000000001";
inline constexpr char kRun[] = "abcdef00-0000-4000-8000-000000000001";
inline constexpr char kOtherRun[] = "abcdef00-0000-4000-8000-000000000002";  // other workspace
inline constexpr char kProcessingRun[] = "abcdef00-0000-4000-8000-000000000003";
inline constexpr char kOtherOrganizationRun[] =
    "abcdef00-0000-4000-8000-000000000004";  // of the other organization
inline constexpr char kMissingRun[] = "abcdef00-0000-4000-8000-0000000000ff";
}  // namespace ids

// The seed with this data; tests may modify it.
[[nodiscard]] nlohmann::json DefaultSeed();

}  // namespace evalrun::backend

#endif  // EVALRUN_TESTS_INTEGRATION_BACKEND_BACKEND_PROCESS_H_
