// SPDX-License-Identifier: Apache-2.0

#include "service/reload/key_file_times.h"

#include <sys/stat.h>

#include "service/authz/key_ring.h"

namespace evalrun::reload {

using std::chrono::system_clock;

std::map<std::string, system_clock::time_point> GetKeyFileTimes(
    const config::v1::Upstream& upstream, system_clock::time_point fallback) {
  const auto last_written = [fallback](const std::string& path) {
    struct stat file {};
    if (path.empty() || stat(path.c_str(), &file) != 0) return fallback;
    return system_clock::from_time_t(file.st_mtim.tv_sec);
  };
  std::map<std::string, system_clock::time_point> changed;
  changed[std::string(authz::kDefaultKeyName)] = last_written(upstream.api_key_file());
  for (const auto& key : upstream.keys()) changed[key.name()] = last_written(key.file());
  return changed;
}

}  // namespace evalrun::reload
