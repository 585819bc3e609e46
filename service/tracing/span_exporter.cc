// SPDX-License-Identifier: Apache-2.0

#include "service/tracing/span_exporter.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace evalrun::tracing {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kEndTimeout{1000};

}  // namespace

SpanExporter::SpanExporter(SpanExporterOptions options, std::unique_ptr<SpanSender> sender,
                           std::function<void(const std::string& error)> on_change)
    : options_(std::move(options)),
      sender_(std::move(sender)),
      on_change_(std::move(on_change)),
      thread_([this] { Run(); }) {}

SpanExporter::~SpanExporter() {
  Close();
  if (thread_.joinable()) thread_.join();
}

bool SpanExporter::Close() {
  if (!thread_.joinable()) return true;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  sender_->EndBy(std::chrono::steady_clock::now() + options_.flush_timeout);
  wake_.notify_one();
  if (!ended_.try_acquire_for(options_.flush_timeout + kEndTimeout)) return false;
  thread_.join();
  return true;
}

void SpanExporter::Export(std::vector<Span> spans) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    const std::size_t before = queue_.size();
    if (stopping_ || before + spans.size() > options_.max_queue_spans) {
      dropped_queue_full_ += spans.size();
      return;
    }
    std::ranges::move(spans, std::back_inserter(queue_));
    const std::size_t batch = options_.max_batch_spans;
    wake = before == 0 || (before < batch && queue_.size() >= batch);
  }
  if (wake) wake_.notify_one();
}

void SpanExporter::Run() {
  for (;;) {
    const std::vector<Span> batch = WaitForBatch();
    if (batch.empty()) break;
    SendBatch(batch);
  }
  ended_.release();
}

std::vector<Span> SpanExporter::WaitForBatch() {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return !queue_.empty() || stopping_; });
  wake_.wait_for(lock, options_.batch_delay,
                 [this] { return queue_.size() >= options_.max_batch_spans || stopping_; });
  const auto size = static_cast<std::ptrdiff_t>(std::min(queue_.size(), options_.max_batch_spans));
  std::vector<Span> batch(std::make_move_iterator(queue_.begin()),
                          std::make_move_iterator(queue_.begin() + size));
  queue_.erase(queue_.begin(), queue_.begin() + size);
  return batch;
}

void SpanExporter::SendBatch(const std::vector<Span>& batch) {
  const std::string request = EncodeExportRequest(options_.resource, batch);
  milliseconds backoff = options_.initial_backoff;
  for (int attempt = 1;; ++attempt) {
    const SendResult result = sender_->Send(request);
    ReportState(result.error);
    switch (result.status) {
      case SendResult::Status::kAccepted:
        OnAccepted(batch.size(), result);
        return;
      case SendResult::Status::kRejected:
        dropped_rejected_ += batch.size();
        return;
      case SendResult::Status::kUnavailable:
        break;
    }
    if (attempt == options_.max_attempts || !WaitForRetry(std::max(backoff, result.retry_after))) {
      dropped_unavailable_ += batch.size();
      return;
    }
    backoff = std::min(2 * backoff, options_.max_backoff);
  }
}

void SpanExporter::OnAccepted(std::size_t spans, const SendResult& result) {
  const auto rejected = std::min(spans, static_cast<std::size_t>(result.rejected_spans));
  dropped_rejected_ += rejected;
  exported_ += spans - rejected;
}

bool SpanExporter::WaitForRetry(milliseconds wait) {
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, wait, [this] { return stopping_; });
}

void SpanExporter::ReportState(const std::string& error) {
  const bool fails = !error.empty();
  if (std::exchange(is_failing_, fails) != fails) on_change_(error);
}

}  // namespace evalrun::tracing
