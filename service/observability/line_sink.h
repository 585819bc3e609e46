// File: line_sink.h
//
// A spdlog sink that never makes its caller wait. Lines go into a bounded buffer; a thread of its
// own writes them to standard output or to a file. When that is too slow, the oldest lines are
// dropped and counted.
//
// spdlog's own asynchronous logger wakes its thread for every line. Here a line waits up to 10 ms
// for company, so that a busy gateway makes one system call for many lines; warnings and worse do
// not wait.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_LINE_SINK_H_
#define EVALRUN_SERVICE_OBSERVABILITY_LINE_SINK_H_

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include <spdlog/sinks/sink.h>

namespace evalrun::observability {

// Thread-safe. Writes each message as it is, followed by a newline: patterns do not apply.
class LineSink final : public spdlog::sinks::sink {
 public:
  // Writes to the descriptor `fd`, which stays the caller's. Keeps at most `capacity_bytes` of
  // lines.
  explicit LineSink(int fd, std::size_t capacity_bytes = std::size_t{4} << 20);
  // Writes what is buffered, for at most a second.
  ~LineSink() override;

  void log(const spdlog::details::log_msg& message) override;
  void flush() override;  // does not wait either: the writer is woken
  void set_pattern(const std::string&) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

  // Lines that were never written, since the start.
  [[nodiscard]] std::uint64_t dropped_lines() const { return dropped_; }

 private:
  void Run();
  void DropOldest(std::size_t needed);
  void Write(std::string_view rest);

  const int fd_;
  const std::size_t capacity_;
  std::atomic<std::uint64_t> dropped_{0};
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
  std::string buffer_;             // guarded by mutex_, from begin_ on
  std::size_t begin_ = 0;          // guarded by mutex_
  bool urgent_ = false;            // guarded by mutex_
  bool has_partial_line_ = false;  // the writer's: it failed within a line
  std::thread writer_;
};

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_LINE_SINK_H_
