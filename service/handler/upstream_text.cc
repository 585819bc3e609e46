// SPDX-License-Identifier: Apache-2.0

#include "service/handler/upstream_text.h"

#include <algorithm>
#include <cstddef>

#include "rest_backend/deletion/utf8.h"

namespace evalrun::handler {
namespace {

constexpr std::string_view kRedacted = "[redacted]";

void Redact(std::string_view secret, std::string* text) {
  if (secret.empty()) return;
  for (std::size_t at = text->find(secret); at != std::string::npos;
       at = text->find(secret, at + kRedacted.size())) {
    text->replace(at, secret.size(), kRedacted);
  }
}

}  // namespace

std::string CleanUpstreamText(std::string_view text, std::string_view secret) {
  std::string clean = deletion::ToValidUtf8(text);
  Redact(secret, &clean);
  std::ranges::replace_if(
      clean, [](char c) { return (c >= 0 && c < 0x20) || c == 0x7F; }, ' ');
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
}

}  // namespace evalrun::handler
