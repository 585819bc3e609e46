// File: config_file.h
//
// A configuration file that is changed while a gateway runs with it.
#ifndef EVALRUN_TESTS_SUPPORT_CONFIG_FILE_H_
#define EVALRUN_TESTS_SUPPORT_CONFIG_FILE_H_

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

namespace evalrun::testing {

// Lives in a folder of its own, which goes with it.
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

  // Puts another file in its place in one step, as deployments do: no reader sees a half of it.
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
