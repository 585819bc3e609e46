// File: progress_display.h
//
// Shows progress on standard error: a bar that redraws itself on a terminal, a line every ten
// seconds elsewhere. Never a bar in a file, and never a line that a terminal wraps.
#ifndef EVALRUN_SERVICE_CLI_PROGRESS_DISPLAY_H_
#define EVALRUN_SERVICE_CLI_PROGRESS_DISPLAY_H_

#include <chrono>
#include <optional>

#include "service/cli/progress.h"

namespace evalrun::cli {

class ProgressDisplay {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit ProgressDisplay(Time start);
  ProgressDisplay(const ProgressDisplay&) = delete;
  ProgressDisplay& operator=(const ProgressDisplay&) = delete;
  ~ProgressDisplay() { Clear(); }

  // Shows `progress` if it is time to.
  void Show(const Progress& progress, Time now);

  // Takes the bar away, for something else to be written.
  void Clear();

 private:
  bool terminal_;
  bool drawn_ = false;
  Time last_;
};

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_PROGRESS_DISPLAY_H_
