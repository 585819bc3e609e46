// SPDX-License-Identifier: Apache-2.0
//
// File: upstream_text.h
//
// The upstream's words are hostile: what may be repeated of them to a caller or a log.
#ifndef EVALRUN_SERVICE_HANDLER_UPSTREAM_TEXT_H_
#define EVALRUN_SERVICE_HANDLER_UPSTREAM_TEXT_H_

#include <string>
#include <string_view>

#include "rest_backend/deletion/error_body.h"

namespace evalrun::handler {

// `text` as valid UTF-8, without control characters (each becomes a space) and without `secret`,
// which an upstream may echo (each occurrence becomes `[redacted]`). An empty `secret` hides
// nothing.
[[nodiscard]] std::string CleanUpstreamText(std::string_view text, std::string_view secret);

// The same for everything that an error body says.
void CleanErrorBody(std::string_view secret, deletion::ErrorBody* body);

}  // namespace evalrun::handler

#endif  // EVALRUN_SERVICE_HANDLER_UPSTREAM_TEXT_H_
