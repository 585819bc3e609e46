// SPDX-License-Identifier: Apache-2.0

#include "service/tracing/attribute_text.h"

#include "rest_backend/deletion/utf8.h"

namespace evalrun::tracing {

std::string ToAttributeText(std::string_view text) {
  // Enough of it, so that only what is not kept can be cut.
  const std::string valid = deletion::ToValidUtf8(text.substr(0, 2 * kMaxAttributeBytes));
  return std::string(deletion::Utf8Prefix(valid, kMaxAttributeBytes));
}

}  // namespace evalrun::tracing
