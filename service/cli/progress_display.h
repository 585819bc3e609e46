// SPDX-License-Identifier: Apache-2.0
//
// File: progress_display.h
//
// Shows progress on standard error: on a terminal a bar that is redrawn in place and does not wrap,
// elsewhere one line every ten seconds.
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

  // Shows `progress` if an update is due.
  void Show(const Progress& progress, Time now);

  // Erases the bar before other output.
  void Clear();

 private:
  bool terminal_;
  bool drawn_ = false;
  Time last_;
};

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_PROGRESS_DISPLAY_H_
