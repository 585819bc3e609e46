// SPDX-License-Identifier: Apache-2.0
//
// File: line_sink.h
//
// An spdlog sink that never blocks its caller. Lines go into a bounded buffer, and a separate
// thread writes them to standard output or to a file. When the output is too slow, the oldest lines
// are dropped and counted.
//
// spdlog's own asynchronous logger wakes its thread for every line. Here, lines are batched for up
// to 10 ms, so that a busy gateway makes one system call for many lines. Warnings and errors are
// written without this delay.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_LINE_SINK_H_
#define EVALRUN_SERVICE_OBSERVABILITY_LINE_SINK_H_

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <semaphore>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <spdlog/sinks/sink.h>

namespace evalrun::observability {

// A line whose writer wants to know what became of it.
struct LineReceipt {
  std::uint64_t id = 0;
  bool written = false;
};

// Thread-safe. Writes each message followed by a newline; spdlog's patterns do not apply.
class LineSink final : public spdlog::sinks::sink {
 public:
  // Writes to `fd`, which stays owned by the caller. Buffers at most `capacity_bytes` of lines.
  explicit LineSink(int fd, std::size_t capacity_bytes = std::size_t{4} << 20);
  ~LineSink() override;  // as Close(), and waits for the thread

  // Writes the buffered lines, for at most one second, and ends the writer's thread. Later lines
  // are not written. Returns false when the thread has not ended a second after that, because a
  // write does not return, as on a network file system that does not respond: the process must then
  // end by std::_Exit(). Not concurrently with itself.
  bool Close();

  // Called on the writer's thread, once for each line of LogTracked(), in no order.
  using ReceiptCallback = std::function<void(std::vector<LineReceipt>)>;
  // Before the first LogTracked(). `before_write` is called on the same thread before lines are
  // written whose receipts come next.
  void SetReceiptCallback(std::function<void()> before_write, ReceiptCallback callback);
  // As log(), but the line is written at once, and the callback is told whether all of it was.
  void LogTracked(std::string_view line, std::uint64_t id);

  void log(const spdlog::details::log_msg& message) override;
  void flush() override;  // only wakes the writer, does not wait for it
  void set_pattern(const std::string&) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

  // The number of lines written since the start.
  [[nodiscard]] std::uint64_t written_lines() const { return written_; }

  // The number of lines dropped since the start.
  [[nodiscard]] std::uint64_t dropped_lines() const { return dropped_; }

 private:
  struct TrackedLine {
    std::uint64_t id;
    std::size_t end;  // in buffer_
  };

  void Run();
  // Returns whether the writer has to be woken up.
  bool Append(std::string_view line, bool urgent);  // with mutex_
  void DropOldest(std::size_t needed);
  // Returns how many bytes of `lines` were written.
  std::size_t Write(std::string_view lines);
  void SendReceipts(std::vector<LineReceipt> receipts, const std::vector<TrackedLine>& lines,
                    std::size_t written_end) const;

  const int fd_;
  const std::size_t capacity_;
  std::atomic<std::uint64_t> dropped_{0};
  std::atomic<std::uint64_t> written_{0};
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
  std::string buffer_;                         // guarded by mutex_; the lines start at begin_
  std::size_t begin_ = 0;                      // guarded by mutex_
  bool urgent_ = false;                        // guarded by mutex_
  std::vector<TrackedLine> tracked_;           // guarded by mutex_: those in buffer_
  std::vector<LineReceipt> dropped_receipts_;  // guarded by mutex_: of lines that were dropped
  std::function<void()> before_write_;         // guarded by mutex_ until the first tracked line
  ReceiptCallback receipt_callback_;           // as before_write_
  std::binary_semaphore ended_{0};
  bool has_partial_line_ = false;  // writer only: a write ended within a line
  std::thread writer_;
};

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_LINE_SINK_H_
