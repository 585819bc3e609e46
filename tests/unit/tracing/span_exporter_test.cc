// SPDX-License-Identifier: Apache-2.0
//
// Also with a collector that is down, and one that is too slow.
#include "service/tracing/span_exporter.h"

#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "opentelemetry/proto/collector/trace/v1/trace_service.pb.h"

namespace evalrun::tracing {
namespace {

using namespace std::chrono_literals;
using Status = SendResult::Status;
using ::testing::ElementsAre;
using ::testing::SizeIs;

// A collector in the test's hands.
class FakeCollector {
 public:
  // The results of the next requests; the last one is used again and again.
  explicit FakeCollector(std::vector<SendResult> results) : results_(std::move(results)) {}

  std::unique_ptr<SpanSender> MakeSender() { return std::make_unique<Sender>(this); }

  // Requests wait until Release(), or until the deadline that they are given.
  void Hold() {
    const std::lock_guard lock(mutex_);
    held_ = true;
  }
  void Release() {
    const std::lock_guard lock(mutex_);
    held_ = false;
    changed_.notify_all();
  }
  void WaitForRequests(std::size_t count) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, 20s, [&] { return sizes_.size() >= count; }));
  }
  // The number of spans in each request.
  std::vector<int> sizes() {
    const std::lock_guard lock(mutex_);
    return sizes_;
  }

 private:
  class Sender final : public SpanSender {
   public:
    explicit Sender(FakeCollector* collector) : collector_(*collector) {}
    SendResult Send(const std::string& request) override { return collector_.OnRequest(request); }
    void EndBy(std::chrono::steady_clock::time_point deadline) override {
      const std::lock_guard lock(collector_.mutex_);
      collector_.end_by_ = deadline;
      collector_.changed_.notify_all();
    }

   private:
    FakeCollector& collector_;
  };

  SendResult OnRequest(const std::string& request) {
    opentelemetry::proto::collector::trace::v1::ExportTraceServiceRequest parsed;
    EXPECT_TRUE(parsed.ParseFromString(request));
    std::unique_lock lock(mutex_);
    sizes_.push_back(parsed.resource_spans(0).scope_spans(0).spans_size());
    changed_.notify_all();
    while (held_) {
      if (std::chrono::steady_clock::now() >= end_by_) {
        return {.status = Status::kUnavailable, .error = "no time left"};
      }
      changed_.wait_until(lock, end_by_);
    }
    const std::size_t index = std::min(sizes_.size(), results_.size()) - 1;
    return results_[index];
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<SendResult> results_;
  std::vector<int> sizes_;
  bool held_ = false;
  // Far away, but not so far that a wait would overflow.
  std::chrono::steady_clock::time_point end_by_ = std::chrono::steady_clock::now() + 1h;
};

SpanExporterOptions QuickOptions() {
  return {.resource = {},
          .max_queue_spans = 10,
          .max_batch_spans = 4,
          .batch_delay = 1ms,
          .max_attempts = 3,
          .initial_backoff = 1ms,
          .flush_timeout = 100ms};
}

void Ignore(const std::string& /*error*/) {}

TEST(SpanExporterTest, SendsSpansInBatches) {
  FakeCollector collector({{.status = Status::kAccepted}});
  collector.Hold();
  SpanExporter exporter(QuickOptions(), collector.MakeSender(), Ignore);
  exporter.Export(std::vector<Span>(1));
  collector.WaitForRequests(1);
  exporter.Export(std::vector<Span>(3));
  exporter.Export(std::vector<Span>(3));
  collector.Release();
  collector.WaitForRequests(3);
  EXPECT_TRUE(exporter.Close());
  EXPECT_THAT(collector.sizes(), ElementsAre(1, 4, 2));
  EXPECT_EQ(exporter.exported(), 7U);
}

TEST(SpanExporterTest, DropsAndCountsWhatDoesNotFitIntoTheQueue) {
  FakeCollector collector({{.status = Status::kAccepted}});
  collector.Hold();
  SpanExporter exporter(QuickOptions(), collector.MakeSender(), Ignore);
  exporter.Export(std::vector<Span>(1));
  collector.WaitForRequests(1);  // the queue is empty
  exporter.Export(std::vector<Span>(8));
  exporter.Export(std::vector<Span>(3));  // all or none
  exporter.Export(std::vector<Span>(2));
  EXPECT_EQ(exporter.dropped_queue_full(), 3U);
  collector.Release();
  EXPECT_TRUE(exporter.Close());
  EXPECT_EQ(exporter.exported(), 11U);
}

TEST(SpanExporterTest, RetriesAnUnavailableCollectorAndThenDrops) {
  FakeCollector collector({{.status = Status::kUnavailable, .error = "refused"},
                           {.status = Status::kUnavailable, .error = "refused"},
                           {.status = Status::kUnavailable, .error = "refused"},
                           {.status = Status::kUnavailable, .error = "refused"},
                           {.status = Status::kAccepted}});
  std::vector<std::string> changes;
  SpanExporter exporter(QuickOptions(), collector.MakeSender(),
                        [&](const std::string& error) { changes.push_back(error); });
  exporter.Export(std::vector<Span>(2));
  collector.WaitForRequests(3);
  exporter.Export(std::vector<Span>(1));
  collector.WaitForRequests(5);
  EXPECT_TRUE(exporter.Close());
  EXPECT_THAT(collector.sizes(), ElementsAre(2, 2, 2, 1, 1));
  EXPECT_EQ(exporter.dropped_unavailable(), 2U);
  EXPECT_EQ(exporter.exported(), 1U);
  EXPECT_THAT(changes, ElementsAre("refused", "")) << "each change once";
}

TEST(SpanExporterTest, DoesNotRepeatWhatTheCollectorRejects) {
  FakeCollector collector({{.status = Status::kRejected, .error = "HTTP status 400"},
                           {.status = Status::kAccepted, .rejected_spans = 1}});
  SpanExporter exporter(QuickOptions(), collector.MakeSender(), Ignore);
  exporter.Export(std::vector<Span>(2));
  collector.WaitForRequests(1);
  exporter.Export(std::vector<Span>(3));
  collector.WaitForRequests(2);
  EXPECT_TRUE(exporter.Close());
  EXPECT_THAT(collector.sizes(), ElementsAre(2, 3));
  EXPECT_EQ(exporter.dropped_rejected(), 3U);
  EXPECT_EQ(exporter.exported(), 2U);
}

TEST(SpanExporterTest, FlushesAtTheEnd) {
  FakeCollector collector({{.status = Status::kAccepted}});
  SpanExporterOptions options = QuickOptions();
  options.batch_delay = 1h;
  SpanExporter exporter(options, collector.MakeSender(), Ignore);
  exporter.Export(std::vector<Span>(2));
  EXPECT_TRUE(exporter.Close());
  EXPECT_TRUE(exporter.Close()) << "again";
  EXPECT_EQ(exporter.exported(), 2U);
  exporter.Export(std::vector<Span>(1));
  EXPECT_EQ(exporter.dropped_queue_full(), 1U) << "too late";
}

TEST(SpanExporterTest, EndsAlthoughTheCollectorDoesNotRespond) {
  FakeCollector collector({{.status = Status::kAccepted}});
  collector.Hold();
  SpanExporter exporter(QuickOptions(), collector.MakeSender(), Ignore);
  exporter.Export(std::vector<Span>(1));
  collector.WaitForRequests(1);
  exporter.Export(std::vector<Span>(6));
  EXPECT_TRUE(exporter.Close());
  EXPECT_EQ(exporter.dropped_unavailable(), 7U);
}

TEST(SpanExporterTest, EndsAlthoughItWaitsForARetry) {
  FakeCollector collector({{.status = Status::kUnavailable, .retry_after = 1h, .error = "busy"}});
  SpanExporter exporter(QuickOptions(), collector.MakeSender(), Ignore);
  exporter.Export(std::vector<Span>(1));
  collector.WaitForRequests(1);
  EXPECT_TRUE(exporter.Close());
  EXPECT_THAT(collector.sizes(), SizeIs(1));
  EXPECT_EQ(exporter.dropped_unavailable(), 1U);
}

}  // namespace
}  // namespace evalrun::tracing
