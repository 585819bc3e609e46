// SPDX-License-Identifier: Apache-2.0
//
// File: yaml_writer.h
//
// Writes a message as YAML that yaml_reader.h reads back.
#ifndef EVALRUN_SERVICE_CONFIG_YAML_WRITER_H_
#define EVALRUN_SERVICE_CONFIG_YAML_WRITER_H_

#include <string>

#include <google/protobuf/message.h>

#include "service/config/setting_registry.h"

namespace evalrun::config {

// All fields of `message` in the order of the schema, one per line, ending with a newline. A
// comment names the source of a value that is in `sources`. Credentials in URLs are masked;
// everything else reads back unchanged.
[[nodiscard]] std::string WriteYaml(const google::protobuf::Message& message,
                                    const Sources& sources);

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_YAML_WRITER_H_
