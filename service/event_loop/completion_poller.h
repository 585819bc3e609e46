// SPDX-License-Identifier: Apache-2.0
//
// File: completion_poller.h
//
// Where the event loop waits: a gRPC completion queue whose wait also ends for one descriptor.
#ifndef EVALRUN_SERVICE_EVENT_LOOP_COMPLETION_POLLER_H_
#define EVALRUN_SERVICE_EVENT_LOOP_COMPLETION_POLLER_H_

#include <cstdint>

#include <grpcpp/completion_queue.h>

namespace evalrun::event_loop {

// All functions are called on the loop's thread, unless they say otherwise.
class CompletionPoller {
 public:
  using Status = grpc::CompletionQueue::NextStatus;

  virtual ~CompletionPoller() = default;

  // Called once on the loop's thread before anything else, and once at its end.
  virtual void BindToThread() {}
  virtual void UnbindFromThread() {}

  // The next completion, without waiting.
  virtual Status TryNext(void** tag, bool* ok) = 0;

  // Waits for the next completion, without limit. The descriptor's tag is returned when the
  // descriptor becomes readable after a TryNext(): before it waits, the caller calls TryNext(),
  // then handles what is ready at the descriptor, and finds nothing in both. May return the
  // descriptor's tag when there is nothing to read.
  virtual Status Wait(void** tag, bool* ok) = 0;

  // Between the two calls several responses are written; they may leave together at the end.
  virtual void BeginResponses() {}
  virtual void EndResponses() {}

  // Shuts the queue down; the descriptor is no longer watched. Call Wait() until it returns
  // SHUTDOWN.
  virtual void Shutdown() = 0;

  // For gRPC's calls. Thread-safe.
  [[nodiscard]] virtual grpc::ServerCompletionQueue* queue() = 0;

  // Connections that were closed because they waited too long under overload. Thread-safe.
  [[nodiscard]] virtual std::uint64_t connections_shed() const { return 0; }
};

// Writes of this scope may leave together.
class ResponseBatch {
 public:
  explicit ResponseBatch(CompletionPoller* poller) : poller_(*poller) { poller_.BeginResponses(); }
  ~ResponseBatch() { poller_.EndResponses(); }
  ResponseBatch(const ResponseBatch&) = delete;
  ResponseBatch& operator=(const ResponseBatch&) = delete;

 private:
  CompletionPoller& poller_;
};

}  // namespace evalrun::event_loop

#endif  // EVALRUN_SERVICE_EVENT_LOOP_COMPLETION_POLLER_H_
