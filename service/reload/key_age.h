// File: key_age.h
//
// How old the upstream's keys are.
#ifndef EVALRUN_SERVICE_RELOAD_KEY_AGE_H_
#define EVALRUN_SERVICE_RELOAD_KEY_AGE_H_

#include <chrono>
#include <map>
#include <string>

#include "service/config/config.pb.h"

namespace evalrun::reload {

// When the file of each key was last written, by the key's name (keys/key_ring.h); `otherwise` for
// a key without a file, and for a file that cannot be looked at.
[[nodiscard]] std::map<std::string, std::chrono::system_clock::time_point> KeysChanged(
    const config::v1::Upstream& upstream, std::chrono::system_clock::time_point otherwise);

}  // namespace evalrun::reload

#endif  // EVALRUN_SERVICE_RELOAD_KEY_AGE_H_
