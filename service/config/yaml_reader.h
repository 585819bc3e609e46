// SPDX-License-Identifier: Apache-2.0
//
// File: yaml_reader.h
//
// Reads a YAML document into a message, strictly: its keys are the fields of the message.
#ifndef EVALRUN_SERVICE_CONFIG_YAML_READER_H_
#define EVALRUN_SERVICE_CONFIG_YAML_READER_H_

#include <string>
#include <string_view>
#include <vector>

#include <google/protobuf/message.h>

#include "service/config/setting_registry.h"

namespace evalrun::config {

// Sets the fields of `message` that are in `yaml`, and leaves the others unchanged. A nested
// message is a map, a repeated field a list; the elements of a list begin with their defaults.
// Errors: unknown and duplicate keys, a key without a value, a value of the wrong type (`"3"` in
// quotes is text, not a number) and a second document. Each names the key's whole path and the
// line; an unknown key comes with the nearest one that exists. An empty document, and a section
// whose keys are all commented out, set nothing. `file_name` is for errors and `sources`. Never
// throws.
void ReadYaml(const std::string& yaml, std::string_view file_name,
              google::protobuf::Message* message, Sources* sources,
              std::vector<std::string>* errors);

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_YAML_READER_H_
