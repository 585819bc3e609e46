// SPDX-License-Identifier: Apache-2.0
//
// File: child_process.h
//
// Runs a program under test as a child process: its output line by line, its exit with a timeout.
// Nothing here sleeps: every wait ends with the awaited event, or with its timeout.
#ifndef EVALRUN_TESTS_SUPPORT_CHILD_PROCESS_H_
#define EVALRUN_TESTS_SUPPORT_CHILD_PROCESS_H_

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace evalrun::testing {

class ChildProcess {
 public:
  struct Options {
    std::string path;
    std::vector<std::string> args = {};
    // Added to this process's environment, or replacing parts of it.
    std::map<std::string, std::string> env = {};
    // Removed from the environment before `env` is set.
    std::vector<std::string> unset_env = {};
    // How many lines of standard output are kept: the first ones. Further lines are read and
    // discarded, for programs that write for a long time.
    std::size_t max_lines = std::numeric_limits<std::size_t>::max();
  };

  // How the process ended: exactly one of the two is set.
  struct Exit {
    std::optional<int> code;
    std::optional<int> signal;
  };

  // Throws std::system_error if the child cannot be started.
  explicit ChildProcess(const Options& options);
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  // Kills the child if it is still running.
  ~ChildProcess();

  [[nodiscard]] pid_t pid() const { return pid_; }

  // The first line on standard output, starting at line `from`, for which `wanted` returns true;
  // nullopt at the timeout or the end of the output.
  std::optional<std::string> WaitForLine(
      const std::function<bool(const std::string&)>& wanted,
      std::chrono::milliseconds timeout = std::chrono::seconds(20), size_t from = 0);

  // The complete lines so far, without their newlines.
  [[nodiscard]] std::vector<std::string> stdout_lines() const;
  [[nodiscard]] std::string stderr_text() const;
  // Everything that the child has written so far to standard output and error.
  [[nodiscard]] std::string all_output() const;

  void Signal(int signal) const;

  // Returns nullopt if the child still runs at the timeout. After its exit all of its output has
  // been read.
  std::optional<Exit> WaitForExit(std::chrono::milliseconds timeout = std::chrono::seconds(20));

 private:
  void ReadOutput(int out, int err);
  void AppendOutput(std::string_view bytes);

  const std::size_t max_lines_;
  pid_t pid_ = -1;
  int pidfd_ = -1;
  std::optional<Exit> exit_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;  // guarded by mutex_, like the next three
  std::string partial_line_;
  std::string stderr_;
  bool stdout_ended_ = false;
  std::thread reader_;
};

}  // namespace evalrun::testing

#endif  // EVALRUN_TESTS_SUPPORT_CHILD_PROCESS_H_
