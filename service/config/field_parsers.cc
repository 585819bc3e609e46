// SPDX-License-Identifier: Apache-2.0

#include "service/config/field_parsers.h"

#include <cstdint>
#include <optional>

#include <absl/strings/numbers.h>

#include "service/config/duration.h"
#include "service/config/field_value.h"
#include "service/config/text.h"
#include "service/text/duration.h"

namespace evalrun::config {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// A bound of the schema as a number, or in microseconds. Empty: there is none.
std::optional<std::int64_t> ParseBound(const FieldDescriptor* field, const std::string& text) {
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    const auto duration = text::ParseDuration(text);
    return duration ? std::optional(std::int64_t{duration->count()}) : std::nullopt;
  }
  std::int64_t number = 0;
  return absl::SimpleAtoi(text, &number) ? std::optional(number) : std::nullopt;
}

absl::Status CheckBounds(const FieldDescriptor* field, const std::string& text) {
  const v1::Setting& setting = GetSetting(field);
  const std::optional<std::int64_t> min = ParseBound(field, setting.min());
  const std::optional<std::int64_t> max = ParseBound(field, setting.max());
  // A fraction of a millisecond would be rounded down, and 0 often means that there is no bound.
  const bool is_duration = field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
  const std::string step_text =
      is_duration && setting.multiple_of().empty() ? "1ms" : setting.multiple_of();
  const std::optional<std::int64_t> step = ParseBound(field, step_text);
  if (!min || !max) return absl::OkStatus();
  const std::optional<std::int64_t> value = ParseBound(field, text);
  if (!value || *value < *min || *value > *max) {
    return absl::InvalidArgumentError(
        Concat("must be from ", setting.min(), " to ", setting.max()));
  }
  if (step && *value % *step != 0) {
    return absl::InvalidArgumentError(Concat("must be a multiple of ", step_text));
  }
  return absl::OkStatus();
}

class FieldWalk {
 public:
  FieldWalk(std::string root, const FieldParsers& parsers, FieldErrors* errors)
      : root_(std::move(root)), parsers_(parsers), errors_(*errors) {}

  // `path` leads from the root to `message`.
  void Walk(const Message& message, const std::string& path) {
    const auto* descriptor = message.GetDescriptor();
    for (int i = 0; i < descriptor->field_count(); ++i) {
      const FieldDescriptor* field = descriptor->field(i);
      const std::string field_path = JoinName(path, field->name());
      if (IsLeaf(field)) {
        ParseLeaf(message, field, field_path);
      } else if (field->is_repeated()) {
        ParseElements(message, field, field_path);
      } else {
        Walk(message.GetReflection()->GetMessage(message, field), field_path);
      }
    }
  }

 private:
  void ParseLeaf(const Message& message, const FieldDescriptor* field, const std::string& path) {
    const TextParser* parser = nullptr;
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      parser = Find(parsers_.texts, path);
      if (parser == nullptr) return;
    }
    ForEachIndex(message, field, path, [&](const std::string& name, int index) {
      const std::string text = FieldText(message, field, index);
      const absl::Status status =
          parser != nullptr ? (*parser)(name, text) : CheckBounds(field, text);
      if (status.ok()) return;
      errors_.lines.push_back(Concat(name, " = ", ShowValue(field, text), " (",
                                     FormatSource(name, errors_.sources), "): ", status.message()));
    });
  }

  void ParseElements(const Message& message, const FieldDescriptor* field,
                     const std::string& path) {
    const ElementParser* parser = Find(parsers_.elements, path);
    if (parser == nullptr) return;
    ForEachIndex(message, field, path, [&](const std::string& name, int index) {
      (*parser)(name, message.GetReflection()->GetRepeatedMessage(message, field, index));
    });
  }

  // Calls `visit` with the name and the index of each value of the field.
  template <typename Visit>
  void ForEachIndex(const Message& message, const FieldDescriptor* field, const std::string& path,
                    const Visit& visit) {
    const std::string name = JoinName(root_, path);
    if (!field->is_repeated()) return visit(name, -1);
    const int size = message.GetReflection()->FieldSize(message, field);
    for (int i = 0; i < size; ++i) visit(Concat(name, "[", i, "]"), i);
  }

  // The parser of a field; null, with an error, when there is none.
  template <typename Parser>
  const Parser* Find(const std::map<std::string, Parser>& parsers, const std::string& path) {
    const auto found = parsers.find(path);
    if (found != parsers.end()) return &found->second;
    errors_.lines.push_back(Concat(JoinName(root_, path), ": the gateway has no parser for it"));
    return nullptr;
  }

  const std::string root_;
  const FieldParsers& parsers_;
  FieldErrors& errors_;
};

}  // namespace

std::string FormatSource(const std::string& name, const Sources& sources) {
  const auto found = sources.find(name);
  return found == sources.end() ? "default" : Concat("from ", found->second);
}

void ParseFields(const std::string& name, const Message& message, const FieldParsers& parsers,
                 FieldErrors* errors) {
  FieldWalk(name, parsers, errors).Walk(message, "");
}

TextParser AnyText() {
  return [](const std::string&, const std::string&) { return absl::OkStatus(); };
}

TextParser Check(absl::Status (*check)(std::string_view text)) {
  return [check](const std::string&, const std::string& text) { return check(text); };
}

}  // namespace evalrun::config
