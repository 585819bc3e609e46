// SPDX-License-Identifier: Apache-2.0

#include "service/config/duration.h"

#include <cstdint>

namespace evalrun::config {

using std::chrono::microseconds;

microseconds ToMicroseconds(const google::protobuf::Duration& duration) {
  return std::chrono::seconds(duration.seconds()) +
         std::chrono::duration_cast<microseconds>(std::chrono::nanoseconds(duration.nanos()));
}

google::protobuf::Duration ToProto(microseconds duration) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration);
  google::protobuf::Duration result;
  result.set_seconds(seconds.count());
  result.set_nanos(static_cast<std::int32_t>(std::chrono::nanoseconds(duration - seconds).count()));
  return result;
}

}  // namespace evalrun::config
