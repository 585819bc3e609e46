// File: field_value.h
//
// The value of a field as text, by reflection: the one spelling that YAML, flags, environment,
// defaults and bounds share.
#ifndef EVALRUN_SERVICE_CONFIG_FIELD_VALUE_H_
#define EVALRUN_SERVICE_CONFIG_FIELD_VALUE_H_

#include <string>
#include <string_view>

#include <absl/status/status.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

namespace evalrun::config {

// Reads `text` into the field, or adds it to a repeated one. `field` is a leaf (settings.h): a
// string, bool, uint32, enum or duration. An error's message begins with "must be" and says what is
// allowed; the field is then as it was. Bounds are not looked at.
absl::Status SetFromText(const google::protobuf::FieldDescriptor* field, std::string_view text,
                         google::protobuf::Message* message);

// The value, or the `index`th one of a repeated field, as SetFromText() reads it.
[[nodiscard]] std::string FieldText(const google::protobuf::Message& message,
                                    const google::protobuf::FieldDescriptor* field, int index = -1);

// What stands for a value in `--help` and in the reference: `DURATION`, `debug|info|warn|error`.
[[nodiscard]] std::string Placeholder(const google::protobuf::FieldDescriptor* field);

// Gives each setting of the message, and of the messages in it, its default. Repeated fields stay
// as they are.
void SetDefaults(google::protobuf::Message* message);

// `"VALUE"` for an error message, without what may be credentials.
[[nodiscard]] std::string ShowValue(const google::protobuf::FieldDescriptor* field,
                                    std::string_view text);

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_FIELD_VALUE_H_
