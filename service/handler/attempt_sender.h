// SPDX-License-Identifier: Apache-2.0
//
// File: attempt_sender.h
//
// How the handler has the upstream asked: one request at a time for each call, and one for each
// probe of a scope. The implementation does the HTTP.
#ifndef EVALRUN_SERVICE_HANDLER_ATTEMPT_SENDER_H_
#define EVALRUN_SERVICE_HANDLER_ATTEMPT_SENDER_H_

#include <chrono>
#include <memory>
#include <span>

#include "rest_backend/deletion/attempt_result.h"

namespace evalrun::handler {

struct AttemptRequest {
  enum class Method { kDelete, kGet };
  Method method = Method::kDelete;
  const char* target = nullptr;          // path and query, well-formed
  std::span<const char* const> headers;  // `name: value`; valid until the attempt has finished
  std::chrono::milliseconds timeout{0};  // for everything, connecting included; at least 1 ms
  // Do not reuse a connection: the last one was found dead.
  bool fresh_connection = false;
};

class AttemptObserver {
 public:
  // The attempt has finished. The views in `result` are valid during this call only. May start
  // another, or destroy the sender.
  virtual void OnAttemptDone(const deletion::AttemptResult& result) = 0;

 protected:
  ~AttemptObserver() = default;
};

// The attempts of one call, or a probe. Not thread-safe.
class AttemptSender {
 public:
  // No attempt may be under way.
  virtual ~AttemptSender() = default;

  // Begins an attempt; none may be under way. Calls `observer` when it has finished, but not before
  // this returns, and not at all after Cancel().
  virtual void Start(const AttemptRequest& request, AttemptObserver* observer) = 0;

  // Gives up the attempt that is under way. Returns whether some of it may have been sent.
  virtual bool Cancel() = 0;
};

class AttemptSenderFactory {
 public:
  // Never null. The sender does not outlive the factory.
  virtual std::unique_ptr<AttemptSender> Make() = 0;

 protected:
  ~AttemptSenderFactory() = default;
};

}  // namespace evalrun::handler

#endif  // EVALRUN_SERVICE_HANDLER_ATTEMPT_SENDER_H_
