#include "tests/benchmark/process_figures.h"

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
  // After the name, which is in parentheses and may hold anything: the 14th and 15th field of
  // proc(5) are the 12th and 13th from here.
  std::istringstream fields(line.substr(line.rfind(')') + 1));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  long user = 0;
  long system = 0;
  fields >> user >> system;
  return std::chrono::milliseconds((user + system) * 1000 / sysconf(_SC_CLK_TCK));
}

}  // namespace

ProcessFigures FiguresOf(pid_t pid) {
  const std::string folder = "/proc/" + std::to_string(pid);
  ProcessFigures figures;
  std::ifstream status(folder + "/status");
  for (std::string key; status >> key;) {
    if (key == "VmRSS:") status >> figures.resident_kib;
    if (key == "VmHWM:") status >> figures.most_resident_kib;
    if (key == "Threads:") status >> figures.threads;
    status.ignore(4096, '\n');
  }
  std::error_code gone;
  for (std::filesystem::directory_iterator it(folder + "/fd", gone), end; it != end;
       it.increment(gone)) {
    ++figures.descriptors;
  }
  if (figures.threads > 0) figures.cpu = CpuTime(folder);
  return figures;
}

}  // namespace evalrun::testing
