// SPDX-License-Identifier: Apache-2.0
//
// File: field_value.h
//
// The value of a field as text, by reflection: in the form that YAML, flags, environment, defaults
// and bounds share.
#ifndef EVALRUN_SERVICE_CONFIG_FIELD_VALUE_H_
#define EVALRUN_SERVICE_CONFIG_FIELD_VALUE_H_

#include <string>
#include <string_view>

#include <absl/status/status.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

namespace evalrun::config {

// Parses `text` into the field, or adds it to a repeated one. `field` is a leaf
// (setting_registry.h): a string, bool, uint32, enum or duration. An error begins with "must be",
// says what is allowed, and leaves the field unchanged. Bounds are not checked.
absl::Status SetFromText(const google::protobuf::FieldDescriptor* field, std::string_view text,
                         google::protobuf::Message* message);

// The value, or element `index` of a repeated field, as SetFromText() parses it.
[[nodiscard]] std::string FieldText(const google::protobuf::Message& message,
                                    const google::protobuf::FieldDescriptor* field, int index = -1);

// The placeholder of a value in `--help` and in the reference: `DURATION`, `debug|info|warn|error`.
[[nodiscard]] std::string Placeholder(const google::protobuf::FieldDescriptor* field);

// Sets each setting of the message, and of the messages in it, to its default. Repeated fields are
// unchanged.
void SetDefaults(google::protobuf::Message* message);

// `"VALUE"` for an error message, with possible credentials masked.
[[nodiscard]] std::string ShowValue(const google::protobuf::FieldDescriptor* field,
                                    std::string_view text);

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_FIELD_VALUE_H_
