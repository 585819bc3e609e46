// File: backend_process.h
//
// evalrun-backend as a child process, with a directory of its own.
#ifndef EVALRUN_TESTS_INTEGRATION_BACKEND_BACKEND_PROCESS_H_
#define EVALRUN_TESTS_INTEGRATION_BACKEND_BACKEND_PROCESS_H_

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include <httplib.h>
#include <nlohmann/json.hpp>

namespace evalrun::backend {

// A new directory, removed with all that is in it.
class TempDirectory {
 public:
  TempDirectory();
  ~TempDirectory();
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;

  // The path of a file in it.
  [[nodiscard]] std::string File(const std::string& name) const { return path_ / name; }
  // Writes a file and gives its path.
  [[nodiscard]] std::string Write(const std::string& name, const std::string& text) const;

 private:
  std::filesystem::path path_;
};

// How a process ended.
struct ExitResult {
  int exit_status = -1;  // -1: a signal ended it
  int signal = 0;
  std::string standard_error;
};

class BackendProcess {
 public:
  // Starts the binary with `arguments`. It dies with the test.
  BackendProcess(const TempDirectory& directory, const std::vector<std::string>& arguments);
  // The usual: port 0, a database `runs.db` and the seed `seed.json` in `directory`.
  explicit BackendProcess(const TempDirectory& directory);
  // The usual, and these arguments.
  [[nodiscard]] static std::vector<std::string> WithDefaultArguments(
      const TempDirectory& directory, const std::vector<std::string>& more);
  ~BackendProcess();
  BackendProcess(const BackendProcess&) = delete;
  BackendProcess& operator=(const BackendProcess&) = delete;

  // The next line of stdout without its end; empty when there will be none.
  [[nodiscard]] std::string ReadLine();
  // Waits for the line that says where it listens; 0 when it ended or said something else instead.
  [[nodiscard]] int WaitForPort();
  // A client of the port that WaitForPort found. Keep-alive; one per thread.
  [[nodiscard]] httplib::Client Connect() const;
  [[nodiscard]] int port() const { return port_; }
  // The same for the port that takes fault scripts; 0: there is none.
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

// What most tests are about: one organization with two workspaces, some keys, and a stranger.
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
    "abcdef00-0000-4000-8000-000000000004";  // stranger's
inline constexpr char kMissingRun[] = "abcdef00-0000-4000-8000-0000000000ff";
}  // namespace ids

// The seed of all that, to be changed by a test where it needs more.
[[nodiscard]] nlohmann::json DefaultSeed();

}  // namespace evalrun::backend

#endif  // EVALRUN_TESTS_INTEGRATION_BACKEND_BACKEND_PROCESS_H_
