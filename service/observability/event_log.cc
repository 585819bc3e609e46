// SPDX-License-Identifier: Apache-2.0

#include "service/observability/event_log.h"

#include <chrono>
#include <string>

#include "service/observability/json_line.h"

namespace evalrun::observability {

void EventLog::Write(spdlog::level::level_enum level, std::string_view event,
                     std::initializer_list<Field> fields) const {
  if (!logger_->should_log(level)) return;
  std::string buffer;
  JsonLine line(&buffer);
  const auto level_name = spdlog::level::to_string_view(level);
  line.Time(std::chrono::system_clock::now())
      .Text("level", {level_name.data(), level_name.size()})
      .Text("event", event);
  for (const auto& [key, value] : fields) line.Text(key, value);
  const std::string_view text = line.Finish();
  logger_->log(level, spdlog::string_view_t(text.data(), text.size()));
}

}  // namespace evalrun::observability
