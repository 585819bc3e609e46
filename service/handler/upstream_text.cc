// SPDX-License-Identifier: Apache-2.0

#include "service/handler/upstream_text.h"

#include <algorithm>
#include <cstddef>

#include <absl/strings/ascii.h>
#include <nlohmann/json.hpp>

#include "rest_backend/deletion/utf8.h"

namespace evalrun::handler {
namespace {

using nlohmann::json;

constexpr std::string_view kRedacted = "[redacted]";

void Redact(std::string_view secret, std::string* text) {
  if (secret.empty()) return;
  for (std::size_t at = text->find(secret); at != std::string::npos;
       at = text->find(secret, at + kRedacted.size())) {
    text->replace(at, secret.size(), kRedacted);
  }
}

// Cleans all strings and names in `value`. A number that has the secret in its digits becomes a
// string.
json CleanJson(const json& value, std::string_view secret) {
  if (value.is_string()) return CleanUpstreamText(value.get_ref<const std::string&>(), secret);
  if (value.is_object()) {
    json clean = json::object();
    for (const auto& [name, member] : value.items()) {
      clean[CleanUpstreamText(name, secret)] = CleanJson(member, secret);
    }
    return clean;
  }
  if (value.is_array()) {
    json clean = json::array();
    for (const json& element : value) clean.push_back(CleanJson(element, secret));
    return clean;
  }
  if (value.is_number() && !secret.empty() && value.dump().find(secret) != std::string::npos) {
    return std::string(kRedacted);
  }
  return value;
}

std::string CleanJsonText(const std::string& text, std::string_view secret) {
  if (text.empty()) return {};
  const json parsed = json::parse(text, nullptr, /*allow_exceptions=*/false);
  return parsed.is_discarded() ? std::string() : CleanJson(parsed, secret).dump();
}

}  // namespace

std::string CleanUpstreamText(std::string_view text, std::string_view secret) {
  std::string clean = deletion::ToValidUtf8(text);
  Redact(secret, &clean);
  std::ranges::replace_if(
      clean, [](unsigned char c) { return absl::ascii_iscntrl(c); }, ' ');
  return clean;
}

void CleanErrorBody(std::string_view secret, deletion::ErrorBody* body) {
  body->code = CleanUpstreamText(body->code, secret);
  body->message = CleanUpstreamText(body->message, secret);
  body->request_id = CleanUpstreamText(body->request_id, secret);
  for (deletion::FieldError& error : body->field_errors) {
    error.field = CleanUpstreamText(error.field, secret);
    error.description = CleanUpstreamText(error.description, secret);
  }
  // Not the text, where an escape may hide the secret.
  body->details = CleanJsonText(body->details, secret);
}

}  // namespace evalrun::handler
