// SPDX-License-Identifier: Apache-2.0

#include "service/handler/request_id.h"

#include <cstdint>
#include <string_view>

namespace evalrun::handler {

void MakeRequestId(RandomSource* random, std::string* request_id) {
  constexpr std::string_view kHexDigits = "0123456789abcdef";
  request_id->clear();
  for (int half = 0; half < 2; ++half) {
    std::uint64_t bits = random->Bits();
    for (int i = 0; i < 16; ++i, bits >>= 4) *request_id += kHexDigits[bits & 0xF];
  }
}

}  // namespace evalrun::handler
