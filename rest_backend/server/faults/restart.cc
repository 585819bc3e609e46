// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/server/faults/restart.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <vector>

#include <nlohmann/json.hpp>

#include "rest_backend/server/log.h"

namespace evalrun::backend {
namespace {

constexpr int kInternalSoftwareError = 70;  // sysexits.h

bool WriteAll(int file, const std::string& bytes) {
  for (std::size_t written = 0; written < bytes.size();) {
    const ssize_t count = write(file, bytes.data() + written, bytes.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    written += static_cast<std::size_t>(count);
  }
  return true;
}

}  // namespace

sigset_t RestartRequest::Signals() {
  sigset_t signals;
  // These fail only for a signal that does not exist, as does kill() to this process below.
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) sigaddset(&signals, signal);
  return signals;
}

void RestartRequest::RequestRestart(const std::string& state) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    state_ = state;
    kill(getpid(), SIGUSR1);
  }
  for (;;) pause();  // until the process is replaced
}

int RestartRequest::WaitForSignal(const Flags& flags) {
  const sigset_t signals = Signals();
  for (;;) {
    int signal = 0;
    // Fails only for a signal that does not exist.
    sigwait(&signals, &signal);
    const std::lock_guard lock(mutex_);
    if (state_.has_value()) {
      // The signal is blocked in both processes, so it stays pending until the new one waits for
      // it.
      if (signal != SIGUSR1) kill(getpid(), signal);
      Log(LogLevel::kInfo, "restarting", nlohmann::json::object());
      RestartProcess(flags, *state_);
    }
    if (signal == SIGUSR1) continue;
    stopping_ = true;
    return signal;
  }
}

void RestartProcess(Flags flags, const std::string& state) {
  flags.resume = memfd_create("evalrun-backend-faults", 0);
  std::error_code error;
  std::string program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (flags.resume >= 0 && WriteAll(flags.resume, state) && !error) {
    std::vector<std::string> arguments = ToArguments(flags);
    std::vector<char*> argv = {program.data()};
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    execv(program.c_str(), argv.data());
  }
  _exit(kInternalSoftwareError);
}

std::string ReadStateFile(int file) {
  struct stat facts {};
  std::string state;
  if (fstat(file, &facts) == 0) {
    state.resize(static_cast<std::size_t>(facts.st_size));
    const ssize_t count = pread(file, state.data(), state.size(), 0);
    state.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  }
  // The former process's listening sockets are among them: the port would stay in use.
  if (close_range(STDERR_FILENO + 1, ~0U, 0) != 0) {
    Log(LogLevel::kError, "descriptors_left_open", {{"reason", std::strerror(errno)}});
  }
  return state;
}

}  // namespace evalrun::backend
