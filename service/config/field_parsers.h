// SPDX-License-Identifier: Apache-2.0
//
// File: field_parsers.h
//
// Checks each field of a message of the configuration: numbers and durations against the bounds in
// the schema, each text by its parser. A text or a list of messages without a parser is an error
// whatever its value, so that a new setting cannot go unparsed. Pure.
#ifndef EVALRUN_SERVICE_CONFIG_FIELD_PARSERS_H_
#define EVALRUN_SERVICE_CONFIG_FIELD_PARSERS_H_

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <google/protobuf/message.h>

#include "service/config/setting_registry.h"

namespace evalrun::config {

// Parses one text. The error says what is allowed, beginning with "must". `name` is that of the
// setting, with indices: `identity.trusted_networks[1]`.
using TextParser = std::function<absl::Status(const std::string& name, const std::string& text)>;

// Parses one element of a list of messages, all of it.
using ElementParser =
    std::function<void(const std::string& name, const google::protobuf::Message& element)>;

// By name within the message, such as `upstream.url`. Those of lists are called for each element.
struct FieldParsers {
  std::map<std::string, TextParser> texts;
  std::map<std::string, ElementParser> elements;
};

// Where errors about one field go, and what they say about the origin of a value.
struct FieldErrors {
  const Sources& sources;
  std::vector<std::string>& lines;
};

// How an error names the origin of a value: `from gateway.yaml:3`, or `default`.
[[nodiscard]] std::string FormatSource(const std::string& name, const Sources& sources);

// Appends one line for each field that is wrong, in the order of the schema: its name, its value
// (credentials masked), where that came from, and what is allowed. `name` is that of `message`, or
// empty for the whole configuration.
void ParseFields(const std::string& name, const google::protobuf::Message& message,
                 const FieldParsers& parsers, FieldErrors* errors);

// Any text will do.
[[nodiscard]] TextParser AnyText();

// Only checks.
[[nodiscard]] TextParser Check(absl::Status (*check)(std::string_view text));

// Sets `value`, which outlives the parser.
template <typename T>
[[nodiscard]] TextParser ParseInto(absl::StatusOr<T> (*parse)(std::string_view text), T* value) {
  return [parse, value](const std::string&, const std::string& text) {
    absl::StatusOr<T> parsed = parse(text);
    if (parsed.ok()) *value = *std::move(parsed);
    return parsed.status();
  };
}

// Appends to `values`, which outlives the parser.
template <typename T>
[[nodiscard]] TextParser ParseOnto(absl::StatusOr<T> (*parse)(std::string_view text),
                                   std::vector<T>* values) {
  return [parse, values](const std::string&, const std::string& text) {
    absl::StatusOr<T> parsed = parse(text);
    if (parsed.ok()) values->push_back(*std::move(parsed));
    return parsed.status();
  };
}

// For the elements of a list of `T`.
template <typename T>
[[nodiscard]] ElementParser ForEach(std::function<void(const std::string& name, const T&)> parse) {
  return [parse = std::move(parse)](const std::string& name,
                                    const google::protobuf::Message& element) {
    parse(name, static_cast<const T&>(element));
  };
}

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_FIELD_PARSERS_H_
