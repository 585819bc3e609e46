// SPDX-License-Identifier: Apache-2.0
//
// File: span_exporter.h
//
// The thread that sends finished spans to a collector, in batches. No call waits for it: spans that
// do not fit into its queue are dropped and counted.
#ifndef EVALRUN_SERVICE_TRACING_SPAN_EXPORTER_H_
#define EVALRUN_SERVICE_TRACING_SPAN_EXPORTER_H_

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "service/tracing/otlp.h"
#include "service/tracing/span.h"
#include "service/tracing/span_sender.h"

namespace evalrun::tracing {

struct SpanExporterOptions {
  Resource resource;
  std::size_t max_queue_spans = 2048;
  std::size_t max_batch_spans = 512;
  std::chrono::milliseconds batch_delay{1000};  // how long an incomplete batch waits
  int max_attempts = 5;                         // for one batch
  // Before the second attempt; doubles for each further one.
  std::chrono::milliseconds initial_backoff{1000};
  std::chrono::milliseconds max_backoff{30'000};
  std::chrono::milliseconds flush_timeout{1000};  // at the end
};

// Thread-safe.
class SpanExporter final : public SpanSink {
 public:
  // `on_change` is called on the thread with the error when exports begin to fail, and with an
  // empty text when they succeed again.
  SpanExporter(SpanExporterOptions options, std::unique_ptr<SpanSender> sender,
               std::function<void(const std::string& error)> on_change);
  ~SpanExporter();  // as Close(), and waits for the thread
  SpanExporter(const SpanExporter&) = delete;
  SpanExporter& operator=(const SpanExporter&) = delete;

  // All of them or none.
  void Export(std::vector<Span> spans) override;

  // Sends what is in the queue, for at most `flush_timeout`, and ends the thread. Later spans are
  // dropped. False when the thread has not ended a second after that: the process must then end by
  // std::_Exit(). Not concurrently with itself.
  bool Close();

  // Since the start.
  [[nodiscard]] std::uint64_t exported() const { return exported_; }
  [[nodiscard]] std::uint64_t dropped_queue_full() const { return dropped_queue_full_; }
  // The collector has rejected them.
  [[nodiscard]] std::uint64_t dropped_rejected() const { return dropped_rejected_; }
  // It could not be reached, or was unavailable, too often or too long.
  [[nodiscard]] std::uint64_t dropped_unavailable() const { return dropped_unavailable_; }

 private:
  void Run();
  // Empty: the queue is, and the thread is to end.
  [[nodiscard]] std::vector<Span> WaitForBatch();
  void SendBatch(const std::vector<Span>& batch);
  void OnAccepted(std::size_t spans, const SendResult& result);
  // False: the thread is to end.
  bool WaitForRetry(std::chrono::milliseconds wait);
  void ReportState(const std::string& error);

  const SpanExporterOptions options_;
  const std::unique_ptr<SpanSender> sender_;
  const std::function<void(const std::string& error)> on_change_;
  std::atomic<std::uint64_t> exported_{0};
  std::atomic<std::uint64_t> dropped_queue_full_{0};
  std::atomic<std::uint64_t> dropped_rejected_{0};
  std::atomic<std::uint64_t> dropped_unavailable_{0};
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Span> queue_;   // guarded by mutex_
  bool stopping_ = false;    // guarded by mutex_
  bool is_failing_ = false;  // of the thread
  std::binary_semaphore ended_{0};
  std::thread thread_;
};

}  // namespace evalrun::tracing

#endif  // EVALRUN_SERVICE_TRACING_SPAN_EXPORTER_H_
