// SPDX-License-Identifier: Apache-2.0
//
// File: span_sender.h
//
// How a batch of spans reaches a collector.
#ifndef EVALRUN_SERVICE_TRACING_SPAN_SENDER_H_
#define EVALRUN_SERVICE_TRACING_SPAN_SENDER_H_

#include <chrono>
#include <cstdint>
#include <string>

namespace evalrun::tracing {

struct SendResult {
  enum class Status {
    kAccepted,
    kUnavailable,  // the same batch may be accepted later
    kRejected,     // it will not be
  };
  Status status = Status::kAccepted;
  std::int64_t rejected_spans = 0;           // of a batch that was accepted
  std::chrono::milliseconds retry_after{0};  // that the collector asks for; 0: none
  std::string error = {};                    // for operators; empty with kAccepted
};

class SpanSender {
 public:
  virtual ~SpanSender() = default;

  // Sends an ExportTraceServiceRequest and waits for the response. On one thread.
  virtual SendResult Send(const std::string& request) = 0;

  // From now on Send() returns no later than `deadline`, also the one that is under way. From any
  // thread.
  virtual void EndBy(std::chrono::steady_clock::time_point deadline) = 0;
};

}  // namespace evalrun::tracing

#endif  // EVALRUN_SERVICE_TRACING_SPAN_SENDER_H_
