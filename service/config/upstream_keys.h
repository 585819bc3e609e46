// SPDX-License-Identifier: Apache-2.0
//
// File: upstream_keys.h
//
// Parses `upstream.keys`, and reads the files that they name.
#ifndef EVALRUN_SERVICE_CONFIG_UPSTREAM_KEYS_H_
#define EVALRUN_SERVICE_CONFIG_UPSTREAM_KEYS_H_

#include <set>
#include <string>
#include <vector>

#include "service/config/config.pb.h"
#include "service/config/field_parsers.h"
#include "service/config/loaded_config.h"
#include "service/config/read_file.h"

namespace evalrun::config {

// Parses an element of `upstream.keys`, whose name is `name`; the secret stays empty. Every mistake
// goes to `conflicts`, one line each; the result is then not to be used. `key_names` are those of
// the keys before and `default`; the key's own is added. `opaque_ids`: `ids.opaque`. Pure.
[[nodiscard]] UpstreamKey ParseUpstreamKey(const std::string& name, const v1::UpstreamKey& key,
                                           bool opaque_ids, std::set<std::string>* key_names,
                                           FieldErrors* errors,
                                           std::vector<std::string>* conflicts);

// Sets the secret of each key from its file, as FindApiKey() (api_key.h) reads one. A file that
// does not hold an API key adds a line to `errors`.
void ReadUpstreamKeys(const FileReader& read_file, std::vector<UpstreamKey>* keys,
                      std::vector<std::string>* errors);

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_UPSTREAM_KEYS_H_
