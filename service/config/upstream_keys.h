// File: upstream_keys.h
//
// The keys of `upstream.keys`: what the section allows, and what the files hold.
#ifndef EVALRUN_SERVICE_CONFIG_UPSTREAM_KEYS_H_
#define EVALRUN_SERVICE_CONFIG_UPSTREAM_KEYS_H_

#include <string>
#include <vector>

#include "service/config/config.pb.h"
#include "service/config/read_file.h"
#include "service/config/secret.h"

namespace evalrun::config {

// Appends one line for each thing that is wrong. `opaque_ids`: `ids.opaque`. Pure.
void CheckUpstreamKeys(const v1::Upstream& upstream, bool opaque_ids,
                       std::vector<std::string>* errors);

// The keys in the files, in the order of the list, as FindApiKey() (api_key.h) reads one. A file
// that does not hold a key adds a line to `errors`.
[[nodiscard]] std::vector<Secret> ReadUpstreamKeys(const v1::Upstream& upstream,
                                                   const FileReader& read_file,
                                                   std::vector<std::string>* errors);

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_UPSTREAM_KEYS_H_
