// SPDX-License-Identifier: Apache-2.0
//
// File: redis_process.h
//
// A real redis-server on a free port of 127.0.0.1 that tests can stop, restart, pause and query.
#ifndef EVALRUN_TESTS_SUPPORT_REDIS_PROCESS_H_
#define EVALRUN_TESTS_SUPPORT_REDIS_PROCESS_H_

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/child_process.h"

namespace evalrun::testing {

class RedisProcess {
 public:
  // Whether Debian's redis-server is installed.
  [[nodiscard]] static bool IsInstalled();

  // Starts the server. Throws std::runtime_error if it does not come up.
  RedisProcess();
  ~RedisProcess();
  RedisProcess(const RedisProcess&) = delete;
  RedisProcess& operator=(const RedisProcess&) = delete;

  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  // Kills the server with SIGKILL; its data is lost. Start() uses the same port again.
  void Kill();
  void Start();
  // Stops the server from handling requests until Resume().
  void Pause();
  void Resume();

  // The reply to a command as text, also for numbers. Errors begin with "ERROR ".
  std::string Command(const std::vector<std::string>& words) const;

 private:
  std::filesystem::path folder_;
  int port_ = 0;
  std::unique_ptr<ChildProcess> process_;
};

}  // namespace evalrun::testing

#endif  // EVALRUN_TESTS_SUPPORT_REDIS_PROCESS_H_
