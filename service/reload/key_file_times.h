// SPDX-License-Identifier: Apache-2.0
//
// File: key_file_times.h
//
// When the files of the upstream's API keys were last changed.
#ifndef EVALRUN_SERVICE_RELOAD_KEY_FILE_TIMES_H_
#define EVALRUN_SERVICE_RELOAD_KEY_FILE_TIMES_H_

#include <chrono>
#include <map>
#include <string>

#include "service/config/config.pb.h"

namespace evalrun::reload {

// When the file of each key was last written, by the key's name (authz/key_ring.h); `fallback` for
// a key without a file, and for a file whose time cannot be read.
[[nodiscard]] std::map<std::string, std::chrono::system_clock::time_point> GetKeyFileTimes(
    const config::v1::Upstream& upstream, std::chrono::system_clock::time_point fallback);

}  // namespace evalrun::reload

#endif  // EVALRUN_SERVICE_RELOAD_KEY_FILE_TIMES_H_
