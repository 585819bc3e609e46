// SPDX-License-Identifier: Apache-2.0

#include "service/observability/line_sink.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <string_view>
#include <utility>

namespace evalrun::observability {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kBatchDelay = std::chrono::milliseconds(10);
constexpr auto kShutdownTimeout = std::chrono::seconds(1);
// A pipe that poll() reports as writable takes this much (PIPE_BUF) without blocking.
constexpr std::size_t kMaxWriteBytes = 4096;
constexpr std::size_t kFlushThreshold = 64 * kMaxWriteBytes;

// How much of `lines` the next write takes: whole lines where one fits, so that a file which is
// replaced between two writes (audit_file.h) splits none.
std::size_t NextWriteSize(std::string_view lines) {
  if (lines.size() <= kMaxWriteBytes) return lines.size();
  const std::size_t last_end = lines.rfind('\n', kMaxWriteBytes - 1);
  return last_end == std::string_view::npos ? kMaxWriteBytes : last_end + 1;
}

}  // namespace

LineSink::LineSink(int fd, std::size_t capacity_bytes)
    : fd_(fd), capacity_(capacity_bytes), writer_([this] { Run(); }) {}

LineSink::~LineSink() {
  Close();
  if (writer_.joinable()) writer_.join();
}

bool LineSink::Close() {
  if (!writer_.joinable()) return true;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (!ended_.try_acquire_for(2 * kShutdownTimeout)) return false;
  writer_.join();
  return true;
}

void LineSink::log(const spdlog::details::log_msg& message) {
  const std::string_view line(message.payload.data(), message.payload.size());
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    wake = Append(line, message.level >= spdlog::level::warn);
  }
  if (wake) wake_.notify_one();
}

void LineSink::SetReceiptCallback(std::function<void()> before_write, ReceiptCallback callback) {
  const std::lock_guard lock(mutex_);
  before_write_ = std::move(before_write);
  receipt_callback_ = std::move(callback);
}

void LineSink::LogTracked(std::string_view line, std::uint64_t id) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    wake = Append(line, /*urgent=*/true);
    tracked_.push_back({.id = id, .end = buffer_.size()});
  }
  if (wake) wake_.notify_one();
}

bool LineSink::Append(std::string_view line, bool urgent) {
  const std::size_t size = buffer_.size() - begin_;
  if (size + line.size() + 1 > capacity_) DropOldest(line.size() + 1);
  buffer_.append(line).append(1, '\n');
  urgent = urgent || size > kFlushThreshold;
  const bool wake = size == 0 || (urgent && !urgent_);
  urgent_ = urgent_ || urgent;
  return wake;
}

void LineSink::flush() {
  {
    const std::lock_guard lock(mutex_);
    urgent_ = true;
  }
  wake_.notify_one();
}

// Drops the oldest lines until `needed` bytes fit.
void LineSink::DropOldest(std::size_t needed) {
  while (begin_ < buffer_.size() && buffer_.size() - begin_ + needed > capacity_) {
    begin_ = buffer_.find('\n', begin_) + 1;
    ++dropped_;
  }
  const auto kept =
      std::ranges::find_if(tracked_, [this](const TrackedLine& line) { return line.end > begin_; });
  for (auto line = tracked_.begin(); line != kept; ++line) {
    dropped_receipts_.push_back({.id = line->id, .written = false});
  }
  tracked_.erase(tracked_.begin(), kept);
  if (begin_ > capacity_) {  // not every time, because it moves the whole buffer
    for (TrackedLine& line : tracked_) line.end -= begin_;
    buffer_.erase(0, begin_);
    begin_ = 0;
  }
}

void LineSink::Run() {
  std::string lines;
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return !buffer_.empty() || stopping_; });
    if (buffer_.empty()) break;
    wake_.wait_for(lock, kBatchDelay, [this] { return urgent_ || stopping_; });
    lines.clear();
    lines.swap(buffer_);
    const std::size_t begin = std::exchange(begin_, 0);
    urgent_ = false;
    const std::vector<TrackedLine> tracked = std::exchange(tracked_, {});
    std::vector<LineReceipt> receipts = std::exchange(dropped_receipts_, {});
    lock.unlock();
    if (!tracked.empty()) before_write_();
    const std::size_t written = Write(std::string_view(lines).substr(begin));
    SendReceipts(std::move(receipts), tracked, begin + written);
    lock.lock();
  }
  ended_.release();
}

void LineSink::SendReceipts(std::vector<LineReceipt> receipts,
                            const std::vector<TrackedLine>& lines, std::size_t written_end) const {
  for (const TrackedLine& line : lines) {
    receipts.push_back({.id = line.id, .written = line.end <= written_end});
  }
  if (!receipts.empty()) receipt_callback_(std::move(receipts));
}

std::size_t LineSink::Write(const std::string_view lines) {
  std::string_view rest = lines;
  Clock::time_point deadline = Clock::time_point::max();
  std::string repaired;
  if (has_partial_line_) rest = repaired.assign("\n").append(rest);  // ends the partial line
  while (!rest.empty()) {
    if (stopping_ && deadline == Clock::time_point::max())
      deadline = Clock::now() + kShutdownTimeout;
    if (Clock::now() > deadline) break;
    pollfd descriptor{.fd = fd_, .events = POLLOUT, .revents = 0};
    const int ready = poll(&descriptor, 1, 100);
    if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
    // After any other error, write() says whether the descriptor can be written to.
    const ssize_t written = write(fd_, rest.data(), NextWriteSize(rest));
    if (written < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (written < 0) break;  // no reader, or a full disk: it cannot be reported anywhere
    written_ += static_cast<std::uint64_t>(
        std::ranges::count(rest.substr(0, static_cast<std::size_t>(written)), '\n'));
    has_partial_line_ = written > 0 && rest[static_cast<std::size_t>(written) - 1] != '\n';
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  if (!repaired.empty() && rest.size() == repaired.size())
    rest.remove_prefix(1);  // do not count the added newline
  dropped_ += static_cast<std::uint64_t>(std::ranges::count(rest, '\n'));
  return lines.size() - rest.size();
}

}  // namespace evalrun::observability
