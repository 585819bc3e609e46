// SPDX-License-Identifier: Apache-2.0

#include "service/cli/progress_display.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "service/cli/write_all.h"

namespace evalrun::cli {
namespace {

constexpr std::chrono::milliseconds kBarInterval{100};
constexpr std::chrono::seconds kLineInterval{10};
constexpr std::string_view kClearLine = "\r\x1b[K";

bool IsTerminal() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing modifies the environment.
  const char* const term = std::getenv("TERM");
  return isatty(STDERR_FILENO) == 1 && term != nullptr && std::string_view(term) != "dumb";
}

// Queried each time, because the window may have been resized.
std::size_t Columns() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

// Errors are ignored: the work continues even if its progress cannot be shown.
void Write(std::string_view text) { static_cast<void>(WriteAll(STDERR_FILENO, text)); }

}  // namespace

ProgressDisplay::ProgressDisplay(Time start) : terminal_(IsTerminal()), last_(start) {}

void ProgressDisplay::Show(const Progress& progress, Time now) {
  if (terminal_) {
    if (drawn_ && now - last_ < kBarInterval) return;
    Write(std::string(kClearLine) + ProgressBar(progress, Columns()));
    drawn_ = true;
  } else {
    if (now - last_ < kLineInterval) return;
    Write(ProgressLine(progress) + "\n");
  }
  last_ = now;
}

void ProgressDisplay::Clear() {
  if (drawn_) Write(kClearLine);
  drawn_ = false;
}

}  // namespace evalrun::cli
