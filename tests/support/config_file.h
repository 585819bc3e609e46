// SPDX-License-Identifier: Apache-2.0
//
// File: config_file.h
//
// A configuration file that a test changes while a gateway uses it.
#ifndef EVALRUN_TESTS_SUPPORT_CONFIG_FILE_H_
#define EVALRUN_TESTS_SUPPORT_CONFIG_FILE_H_

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

namespace evalrun::testing {

// The file is in a folder of its own, which the destructor removes.
class ConfigFile {
 public:
  explicit ConfigFile(const std::string& yaml) {
    std::string name = ::testing::TempDir() + "gateway-config.XXXXXX";
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
    folder_ = name;
    Replace(yaml);
  }
  ~ConfigFile() { std::filesystem::remove_all(folder_); }
  ConfigFile(const ConfigFile&) = delete;
  ConfigFile& operator=(const ConfigFile&) = delete;

  [[nodiscard]] std::string path() const { return (folder_ / "gateway.yaml").string(); }

  // Replaces the file atomically, as deployments do, so that no reader sees a partial file.
  void Replace(const std::string& yaml) const {
    const std::filesystem::path next = folder_ / "next";
    std::ofstream(next) << yaml << std::flush;
    std::filesystem::rename(next, path());
  }

 private:
  std::filesystem::path folder_;
};

}  // namespace evalrun::testing

#endif  // EVALRUN_TESTS_SUPPORT_CONFIG_FILE_H_
