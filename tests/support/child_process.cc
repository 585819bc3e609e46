// SPDX-License-Identifier: Apache-2.0

#include "tests/support/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace evalrun::testing {
namespace {

// glibc 2.36 declares these functions, but not for C++.
int PidfdOpen(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0)); }
void PidfdSendSignal(int pidfd, int signal) {
  syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0);
}

struct Pipe {
  int read_end = -1;
  int write_end = -1;
};

[[noreturn]] void Throw(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

Pipe MakePipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) Throw("pipe2");
  return {ends[0], ends[1]};
}

std::vector<std::string> MakeEnvironment(const ChildProcess::Options& options) {
  std::map<std::string, std::string> merged;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const size_t equals = text.find('=');
    if (equals != std::string::npos) merged[text.substr(0, equals)] = text.substr(equals + 1);
  }
  for (const std::string& name : options.unset_env) merged.erase(name);
  for (const auto& [name, value] : options.env) merged[name] = value;
  std::vector<std::string> environment;
  for (const auto& [name, value] : merged) environment.push_back(name + "=" + value);
  return environment;
}

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (std::string& s : strings) pointers.push_back(s.data());
  pointers.push_back(nullptr);
  return pointers;
}

// Runs between fork and exec, so it may use only async-signal-safe functions.
[[noreturn]] void BecomeProgram(pid_t parent, char* const* args, char* const* env, int out,
                                int err) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) _exit(126);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  const int in = open("/dev/null", O_RDONLY);
  if (in < 0 || dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
      dup2(err, STDERR_FILENO) < 0) {
    _exit(126);
  }
  execve(args[0], args, env);
  _exit(127);
}

int MillisecondsUntil(std::chrono::steady_clock::time_point deadline) {
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  return left.count() > 0 ? static_cast<int>(left.count()) : 0;
}

}  // namespace

ChildProcess::ChildProcess(const Options& options) : max_lines_(options.max_lines) {
  const Pipe out = MakePipe();
  const Pipe err = MakePipe();
  std::vector<std::string> args = {options.path};
  args.insert(args.end(), options.args.begin(), options.args.end());
  std::vector<std::string> environment = MakeEnvironment(options);
  const std::vector<char*> arg_pointers = Pointers(args);
  const std::vector<char*> env_pointers = Pointers(environment);
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ < 0) Throw("fork");
  if (pid_ == 0) {
    BecomeProgram(parent, arg_pointers.data(), env_pointers.data(), out.write_end, err.write_end);
  }
  close(out.write_end);
  close(err.write_end);
  pidfd_ = PidfdOpen(pid_);
  if (pidfd_ < 0) Throw("pidfd_open");
  reader_ = std::thread([this, out, err] { ReadOutput(out.read_end, err.read_end); });
}

ChildProcess::~ChildProcess() {
  if (!exit_.has_value()) {
    Signal(SIGKILL);
    WaitForExit();
  }
  if (reader_.joinable()) reader_.join();
  close(pidfd_);
}

void ChildProcess::ReadOutput(int out, int err) {
  std::array<pollfd, 2> fds = {{{out, POLLIN, 0}, {err, POLLIN, 0}}};
  std::array<char, 65536> buffer{};
  while (fds[0].fd >= 0 || fds[1].fd >= 0) {
    if (poll(fds.data(), fds.size(), -1) < 0) continue;  // EINTR
    for (pollfd& fd : fds) {
      if (fd.fd < 0 || fd.revents == 0) continue;
      const ssize_t count = read(fd.fd, buffer.data(), buffer.size());
      if (count < 0 && errno == EINTR) continue;
      const std::lock_guard lock(mutex_);
      if (count <= 0) {
        if (fd.fd == out) stdout_ended_ = true;
        close(fd.fd);
        fd.fd = -1;
      } else if (fd.fd == out) {
        AppendOutput({buffer.data(), static_cast<size_t>(count)});
      } else {
        stderr_.append(buffer.data(), static_cast<size_t>(count));
      }
      changed_.notify_all();
    }
  }
}

void ChildProcess::AppendOutput(std::string_view bytes) {
  for (const char c : bytes) {
    if (lines_.size() >= max_lines_) return;
    if (c == '\n') {
      lines_.push_back(std::move(partial_line_));
      partial_line_.clear();
    } else {
      partial_line_ += c;
    }
  }
}

std::optional<std::string> ChildProcess::WaitForLine(
    const std::function<bool(const std::string&)>& wanted, std::chrono::milliseconds timeout,
    size_t from) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  std::unique_lock lock(mutex_);
  for (;;) {
    for (; from < lines_.size(); ++from) {
      if (wanted(lines_[from])) return lines_[from];
    }
    if (stdout_ended_) return std::nullopt;
    if (changed_.wait_until(lock, deadline) == std::cv_status::timeout && from >= lines_.size()) {
      return std::nullopt;
    }
  }
}

std::vector<std::string> ChildProcess::stdout_lines() const {
  const std::lock_guard lock(mutex_);
  return lines_;
}

std::string ChildProcess::stderr_text() const {
  const std::lock_guard lock(mutex_);
  return stderr_;
}

std::string ChildProcess::all_output() const {
  const std::lock_guard lock(mutex_);
  std::string all;
  for (const std::string& line : lines_) all.append(line).append("\n");
  return all.append(partial_line_).append(stderr_);
}

void ChildProcess::Signal(int signal) const {
  if (!exit_.has_value()) PidfdSendSignal(pidfd_, signal);
}

std::optional<ChildProcess::Exit> ChildProcess::WaitForExit(std::chrono::milliseconds timeout) {
  if (exit_.has_value()) return exit_;
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  pollfd fd = {pidfd_, POLLIN, 0};
  int ready = 0;
  while ((ready = poll(&fd, 1, MillisecondsUntil(deadline))) < 0 && errno == EINTR) {
  }
  if (ready <= 0) return std::nullopt;
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  exit_ = WIFEXITED(status) ? Exit{.code = WEXITSTATUS(status), .signal = std::nullopt}
                            : Exit{.code = std::nullopt, .signal = WTERMSIG(status)};
  reader_.join();
  return exit_;
}

}  // namespace evalrun::testing
