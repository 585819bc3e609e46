// SPDX-License-Identifier: Apache-2.0

#include "service/tracing/instance_id.h"

#include <cstdint>
#include <string_view>

namespace evalrun::tracing {

std::string MakeInstanceId(handler::RandomSource* random) {
  constexpr std::string_view kHexDigits = "0123456789abcdef";
  // x: any digit; y: 8, 9, a or b.
  std::string id = "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx";
  std::uint64_t bits = 0;
  int digits_left = 0;
  for (char& c : id) {
    if (c != 'x' && c != 'y') continue;
    if (digits_left == 0) {
      bits = random->Bits();
      digits_left = 16;
    }
    c = kHexDigits[c == 'y' ? (8 | (bits & 3)) : (bits & 0xF)];
    bits >>= 4;
    --digits_left;
  }
  return id;
}

}  // namespace evalrun::tracing
