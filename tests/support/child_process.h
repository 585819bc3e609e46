// File: child_process.h
//
// A program under test, run as a child: its output line by line, its end with a deadline. Nothing
// here sleeps: every wait ends with what it waits for, or with its deadline.
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
    // Set in addition to, or instead of, what this process has.
    std::map<std::string, std::string> env = {};
    // Removed, before `env` is set.
    std::vector<std::string> unset_env = {};
    // Lines of standard output that are remembered, the first ones; further ones are read and
    // dropped: for programs that write for a long time.
    std::size_t max_lines = std::numeric_limits<std::size_t>::max();
  };

  // How it ended: exactly one of both is set.
  struct Exit {
    std::optional<int> code;
    std::optional<int> signal;
  };

  // Throws std::system_error when the child cannot be made.
  explicit ChildProcess(const Options& options);
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  // Kills the child if it still runs.
  ~ChildProcess();

  [[nodiscard]] pid_t pid() const { return pid_; }

  // The first line on standard output, from line `from` on, that satisfies `wanted`; nothing when
  // none did before the deadline or before the output ended.
  std::optional<std::string> WaitForLine(
      const std::function<bool(const std::string&)>& wanted,
      std::chrono::milliseconds timeout = std::chrono::seconds(20), size_t from = 0);

  // Complete lines so far, without their newlines.
  [[nodiscard]] std::vector<std::string> stdout_lines() const;
  [[nodiscard]] std::string stderr_text() const;
  // Everything that the child wrote so far, on both.
  [[nodiscard]] std::string all_output() const;

  void Signal(int signal) const;

  // Nothing when it still runs at the deadline. After an end all of the output has been read.
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
  std::vector<std::string> lines_;  // guarded by mutex_, as are the next three
  std::string partial_line_;
  std::string stderr_;
  bool stdout_ended_ = false;
  std::thread reader_;
};

}  // namespace evalrun::testing

#endif  // EVALRUN_TESTS_SUPPORT_CHILD_PROCESS_H_
