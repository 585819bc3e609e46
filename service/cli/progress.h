// SPDX-License-Identifier: Apache-2.0
//
// File: progress.h
//
// The progress of a long deletion, as one line. Pure.
#ifndef EVALRUN_SERVICE_CLI_PROGRESS_H_
#define EVALRUN_SERVICE_CLI_PROGRESS_H_

#include <chrono>
#include <cstddef>
#include <string>

namespace evalrun::cli {

struct Progress {
  std::size_t total = 0;
  std::size_t gone = 0;
  std::size_t failed = 0;  // certainly not deleted
  std::size_t unknown = 0;
  std::chrono::milliseconds elapsed{0};
  // How much longer the gateway asked to wait; 0: not at all.
  std::chrono::milliseconds waiting{0};
  bool stopping = false;

  [[nodiscard]] std::size_t settled() const { return gone + failed + unknown; }
};

// For a terminal with `columns` columns: at most one character less, so that it does not wrap.
// `[#####---------------]  25%  250/1000  50/s  15 s left  2 failed`
[[nodiscard]] std::string ProgressBar(const Progress& progress, std::size_t columns);

// For output to a file: `250 of 1000 done (25%), 2 not deleted, 1 unknown, 50/s`
[[nodiscard]] std::string ProgressLine(const Progress& progress);

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_PROGRESS_H_
