// SPDX-License-Identifier: Apache-2.0

#include "tests/benchmark/process_stats.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace evalrun::testing {
namespace {

std::chrono::milliseconds CpuTime(const std::string& folder) {
  std::string line;
  std::ifstream file(folder + "/stat");
  std::getline(file, line);
  // The fields follow the process name, which is in parentheses and may contain any character: the
  // 14th and 15th field of proc(5) are the 12th and 13th from here.
  std::istringstream fields(line.substr(line.rfind(')') + 1));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  long user = 0;
  long system = 0;
  fields >> user >> system;
  return std::chrono::milliseconds((user + system) * 1000 / sysconf(_SC_CLK_TCK));
}

}  // namespace

ProcessStats ReadProcessStats(pid_t pid) {
  const std::string folder = "/proc/" + std::to_string(pid);
  ProcessStats process_stats;
  std::ifstream status(folder + "/status");
  for (std::string key; status >> key;) {
    if (key == "VmRSS:") status >> process_stats.resident_kib;
    if (key == "VmHWM:") status >> process_stats.peak_resident_kib;
    if (key == "Threads:") status >> process_stats.threads;
    status.ignore(4096, '\n');
  }
  std::error_code gone;
  for (std::filesystem::directory_iterator it(folder + "/fd", gone), end; it != end;
       it.increment(gone)) {
    ++process_stats.descriptors;
  }
  if (process_stats.threads > 0) process_stats.cpu = CpuTime(folder);
  return process_stats;
}

}  // namespace evalrun::testing
