// SPDX-License-Identifier: Apache-2.0

#include "service/config/field_value.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include <absl/strings/ascii.h>
#include <absl/strings/str_join.h>

#include "service/config/config.pb.h"
#include "service/config/duration.h"
#include "service/config/setting_registry.h"
#include "service/config/text.h"
#include "service/config/upstream_url.h"
#include "service/text/duration.h"

namespace evalrun::config {
namespace {

using google::protobuf::EnumDescriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

absl::Status MustBe(std::string_view what) {
  return absl::InvalidArgumentError(Concat("must be ", what));
}

// `LEVEL_INFO` is `info`: the prefix is what stands before UNSPECIFIED in the value 0.
std::string EnumText(const EnumValueDescriptor* value) {
  const std::size_t prefix = value->type()->value(0)->name().find("UNSPECIFIED");
  return absl::AsciiStrToLower(value->name().substr(prefix));
}

std::vector<std::string> EnumTexts(const EnumDescriptor* type) {
  std::vector<std::string> texts;
  for (int i = 1; i < type->value_count(); ++i) texts.push_back(EnumText(type->value(i)));
  return texts;
}

const EnumValueDescriptor* FindEnumValue(const EnumDescriptor* type, std::string_view text) {
  for (int i = 1; i < type->value_count(); ++i) {
    if (EnumText(type->value(i)) == text) return type->value(i);
  }
  return nullptr;
}

// Decimal digits without a leading zero, which could be read as octal.
std::optional<std::uint32_t> ParseNumber(std::string_view text) {
  if (text.empty() || text.size() > 10 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  std::uint64_t number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + static_cast<std::uint64_t>(c - '0');
  }
  if (number > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  return static_cast<std::uint32_t>(number);
}

}  // namespace

absl::Status SetFromText(const FieldDescriptor* field, std::string_view text, Message* message) {
  const auto* reflection = message->GetReflection();
  const bool add = field->is_repeated();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING: {
      if (!IsPlainText(text)) return MustBe("UTF-8 without control characters");
      std::string value(text);
      add ? reflection->AddString(message, field, std::move(value))
          : reflection->SetString(message, field, std::move(value));
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_BOOL: {
      if (text != "true" && text != "false") return MustBe("true or false");
      const bool value = text == "true";
      add ? reflection->AddBool(message, field, value) : reflection->SetBool(message, field, value);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_UINT32: {
      const std::optional<std::uint32_t> value = ParseNumber(text);
      if (!value) return MustBe("a whole number, such as 1000, of at most 4294967295");
      add ? reflection->AddUInt32(message, field, *value)
          : reflection->SetUInt32(message, field, *value);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_ENUM: {
      const EnumValueDescriptor* value = FindEnumValue(field->enum_type(), text);
      if (value == nullptr) {
        return MustBe(Concat("one of ", absl::StrJoin(EnumTexts(field->enum_type()), ", ")));
      }
      add ? reflection->AddEnum(message, field, value) : reflection->SetEnum(message, field, value);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_MESSAGE: {
      const auto duration = text::ParseDuration(text);
      if (!duration) {
        return MustBe(
            "a whole number followed by ms, s, m or h, such as 1500ms, and at most a year");
      }
      Message* value =
          add ? reflection->AddMessage(message, field) : reflection->MutableMessage(message, field);
      value->CopyFrom(ToProto(*duration));
      return absl::OkStatus();
    }
    default:
      // schema_test.cc checks that there are no other types.
      return absl::InternalError("has a type that the configuration cannot read");
  }
}

std::string FieldText(const Message& message, const FieldDescriptor* field, int index) {
  const auto* reflection = message.GetReflection();
  const bool repeated = field->is_repeated();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return repeated ? reflection->GetRepeatedString(message, field, index)
                      : reflection->GetString(message, field);
    case FieldDescriptor::CPPTYPE_BOOL: {
      const bool value = repeated ? reflection->GetRepeatedBool(message, field, index)
                                  : reflection->GetBool(message, field);
      return value ? "true" : "false";
    }
    case FieldDescriptor::CPPTYPE_UINT32:
      return Concat(repeated ? reflection->GetRepeatedUInt32(message, field, index)
                             : reflection->GetUInt32(message, field));
    case FieldDescriptor::CPPTYPE_ENUM: {
      const int number = repeated ? reflection->GetRepeatedEnumValue(message, field, index)
                                  : reflection->GetEnumValue(message, field);
      return EnumText(field->enum_type()->FindValueByNumber(number));
    }
    case FieldDescriptor::CPPTYPE_MESSAGE: {
      google::protobuf::Duration duration;
      duration.CopyFrom(repeated ? reflection->GetRepeatedMessage(message, field, index)
                                 : reflection->GetMessage(message, field));
      return text::FormatDuration(ToMicroseconds(duration));
    }
    default:
      return "";
  }
}

std::string Placeholder(const FieldDescriptor* field) {
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return "true|false";
    case FieldDescriptor::CPPTYPE_UINT32:
      return "NUMBER";
    case FieldDescriptor::CPPTYPE_ENUM:
      return absl::StrJoin(EnumTexts(field->enum_type()), "|");
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return "DURATION";
    default:
      break;
  }
  switch (GetSetting(field).format()) {
    case v1::FORMAT_LISTEN_ADDRESS:
    case v1::FORMAT_SERVER_ADDRESS:
      return "HOST:PORT";
    case v1::FORMAT_UPSTREAM_URL:
    case v1::FORMAT_PROXY_URL:
      return "URL";
    default:
      return field->name().ends_with("_file") ? "FILE" : "TEXT";
  }
}

void SetDefaults(Message* message) {
  const auto* descriptor = message->GetDescriptor();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const FieldDescriptor* field = descriptor->field(i);
    if (field->is_repeated()) continue;
    if (!IsLeaf(field)) {
      SetDefaults(message->GetReflection()->MutableMessage(message, field));
    } else if (const std::string& text = GetSetting(field).default_value(); !text.empty()) {
      // schema_test.cc checks that every default can be parsed.
      SetFromText(field, text, message).IgnoreError();
    }
  }
}

std::string ShowValue(const FieldDescriptor* field, std::string_view text) {
  const v1::Format format = GetSetting(field).format();
  const bool is_url = format == v1::FORMAT_UPSTREAM_URL || format == v1::FORMAT_PROXY_URL;
  return Quote(is_url ? MaskCredentials(text) : std::string(text));
}

}  // namespace evalrun::config
