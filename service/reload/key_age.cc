#include "service/reload/key_age.h"

#include <sys/stat.h>

#include "service/authz/key_ring.h"

namespace evalrun::reload {

using std::chrono::system_clock;

std::map<std::string, system_clock::time_point> KeysChanged(const config::v1::Upstream& upstream,
                                                            system_clock::time_point otherwise) {
  const auto last_written = [otherwise](const std::string& path) {
    struct stat file {};
    if (path.empty() || stat(path.c_str(), &file) != 0) return otherwise;
    return system_clock::from_time_t(file.st_mtim.tv_sec);
  };
  std::map<std::string, system_clock::time_point> changed;
  changed[std::string(authz::kDefaultKey)] = last_written(upstream.api_key_file());
  for (const auto& key : upstream.keys()) changed[key.name()] = last_written(key.file());
  return changed;
}

}  // namespace evalrun::reload
