// SPDX-License-Identifier: Apache-2.0
//
// File: hosts_file.h
//
// A file that a gateway sees as /etc/hosts (GatewayProcess::Options::hosts_file).
#ifndef EVALRUN_TESTS_SUPPORT_HOSTS_FILE_H_
#define EVALRUN_TESTS_SUPPORT_HOSTS_FILE_H_

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

namespace evalrun::testing {

class HostsFile {
 public:
  explicit HostsFile(const std::string& lines) : path_(::testing::TempDir() + "hosts-XXXXXX") {
    const int fd = mkstemp(path_.data());
    if (fd >= 0) close(fd);
    Write(lines);
  }
  ~HostsFile() { unlink(path_.c_str()); }
  HostsFile(const HostsFile&) = delete;
  HostsFile& operator=(const HostsFile&) = delete;

  // Writes in place, because the file is bind-mounted.
  void Write(const std::string& lines) const { std::ofstream(path_) << lines; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace evalrun::testing

#endif  // EVALRUN_TESTS_SUPPORT_HOSTS_FILE_H_
