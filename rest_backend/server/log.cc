// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/server/log.h"

#include <cstdio>
#include <string>

#include "rest_backend/server/timestamp.h"

namespace evalrun::backend {

void Log(LogLevel level, std::string_view event, const nlohmann::json& fields) {
  nlohmann::ordered_json line = {{"time", FormatTimestamp(Now())},
                                 {"level", level == LogLevel::kInfo ? "info" : "error"},
                                 {"event", event}};
  for (const auto& [name, value] : fields.items()) line[name] = value;
  const std::string text =
      line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  // A single write, so that lines of different threads do not mix. A log that cannot be written has
  // no other place to report it to.
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

}  // namespace evalrun::backend
