// SPDX-License-Identifier: Apache-2.0

#include "service/observability/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string_view>

#include "service/observability/unix_time.h"

namespace evalrun::observability {
namespace {

using std::chrono::system_clock;

prometheus::Gauge& AddGauge(prometheus::Registry* registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(*registry).Add({});
}

double ToSeconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

// Sets a gauge from a line of /proc/self/status, multiplied by `factor` (1024 for values in kB).
void SetFromStatusLine(std::string_view line, std::string_view name, double factor,
                       prometheus::Gauge* gauge) {
  if (!line.starts_with(name)) return;
  const std::size_t digits = line.find_first_of("0123456789");
  if (digits != std::string_view::npos) {
    gauge->Set(std::stod(std::string(line.substr(digits))) * factor);
  }
}

}  // namespace

ProcessMetrics::ProcessMetrics(prometheus::Registry* registry,
                               const std::map<std::string, std::string>& build)
    : started_at_(system_clock::now()),
      cpu_seconds_(prometheus::BuildCounter()
                       .Name("process_cpu_seconds_total")
                       .Help("Processor time of the process, user and system.")
                       .Register(*registry)
                       .Add({})),
      resident_bytes_(AddGauge(registry, "process_resident_memory_bytes", "Memory in use.")),
      virtual_bytes_(AddGauge(registry, "process_virtual_memory_bytes", "Memory addressed.")),
      threads_(AddGauge(registry, "process_threads", "Threads, those of libraries included.")),
      open_fds_(AddGauge(registry, "process_open_fds", "File descriptors that are open.")),
      max_fds_(AddGauge(registry, "process_max_fds", "File descriptors that may be open.")),
      api_key_changed_(
          prometheus::BuildGauge()
              .Name("gateway_api_key_changed_timestamp_seconds")
              .Help("When the file of the key in use was last changed; without a file, "
                    "when the process was started.")
              .Register(*registry)) {
  AddGauge(registry, "process_start_time_seconds", "When the process was started.")
      .Set(UnixSeconds(started_at_));
  prometheus::BuildGauge()
      .Name("gateway_build_info")
      .Help("1, with the versions of the gateway and of what it runs on.")
      .Register(*registry)
      .Add(build)
      .Set(1);
  Update();
}

void ProcessMetrics::Update() {
  const std::lock_guard lock(mutex_);
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    const double more =
        ToSeconds(usage.ru_utime) + ToSeconds(usage.ru_stime) - cpu_seconds_.Value();
    if (more > 0) cpu_seconds_.Increment(more);
  }
  constexpr double kKilo = 1024;
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    SetFromStatusLine(line, "VmRSS:", kKilo, &resident_bytes_);
    SetFromStatusLine(line, "VmSize:", kKilo, &virtual_bytes_);
    SetFromStatusLine(line, "Threads:", 1, &threads_);
  }
  std::error_code error;
  std::filesystem::directory_iterator descriptor("/proc/self/fd", error);
  double count = 0;
  while (!error && descriptor != std::filesystem::directory_iterator()) {
    ++count;
    descriptor.increment(error);
  }
  if (!error) open_fds_.Set(count - 1);  // one of them is the directory's own
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) max_fds_.Set(static_cast<double>(limit.rlim_cur));
}

void ProcessMetrics::SetKeyFileTimes(
    const std::map<std::string, system_clock::time_point>& changed) {
  const std::lock_guard lock(mutex_);
  // Existing series are kept, so that a concurrent collection always sees them.
  for (const auto& [name, time] : changed) {
    prometheus::Gauge*& key = keys_[name];
    if (key == nullptr) key = &api_key_changed_.Add({{"key", name}});
    key->Set(UnixSeconds(time));
  }
  std::erase_if(keys_, [&](const auto& key) {
    if (changed.count(key.first) != 0) return false;
    api_key_changed_.Remove(key.second);
    return true;
  });
}

}  // namespace evalrun::observability
