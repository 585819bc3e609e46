// File: yaml_writer.h
//
// A message as YAML that yaml_reader.h reads back.
#ifndef EVALRUN_SERVICE_CONFIG_YAML_WRITER_H_
#define EVALRUN_SERVICE_CONFIG_YAML_WRITER_H_

#include <string>

#include <google/protobuf/message.h>

#include "service/config/setting_registry.h"

namespace evalrun::config {

// All fields of `message` in the order of the schema, one per line, ending with a newline. Where
// `sources` knows who set one, a comment says so. Credentials in URLs are masked; everything else
// reads back as it was.
[[nodiscard]] std::string WriteYaml(const google::protobuf::Message& message,
                                    const Sources& sources);

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_YAML_WRITER_H_
