// SPDX-License-Identifier: Apache-2.0
//
// File: http_attempt_sender.h
//
// The attempts of one call, or a probe, by the HTTP client.
#ifndef EVALRUN_SERVICE_GRPC_ADAPTER_HTTP_ATTEMPT_SENDER_H_
#define EVALRUN_SERVICE_GRPC_ADAPTER_HTTP_ATTEMPT_SENDER_H_

#include <chrono>
#include <memory>
#include <utility>

#include "rest_backend/deletion/attempt_result.h"
#include "rest_backend/http/http_client.h"
#include "service/event_loop/timer_queue.h"
#include "service/handler/attempt_sender.h"

namespace evalrun::grpc_adapter {

// Belongs to the event loop's thread.
class HttpAttemptSender final : public handler::AttemptSender,
                                private http::AttemptObserver,
                                private event_loop::TimerObserver {
 public:
  // Both outlive it.
  HttpAttemptSender(http::HttpClient* client, event_loop::TimerQueue* timers)
      : client_(*client), timers_(*timers) {}
  HttpAttemptSender(const HttpAttemptSender&) = delete;
  HttpAttemptSender& operator=(const HttpAttemptSender&) = delete;

  void Start(const handler::AttemptRequest& request, handler::AttemptObserver* observer) override {
    observer_ = observer;
    const bool is_get = request.method == handler::AttemptRequest::Method::kGet;
    transfer_ = client_.Send({.method = is_get ? http::Method::kGet : http::Method::kDelete,
                              .target = request.target,
                              .headers = request.headers,
                              .timeout = request.timeout,
                              .timeout_grace = kTimeoutGrace,
                              .fresh_connection = request.fresh_connection},
                             this);
    // The event loop's timers are exact; a response that is late would miss the caller's deadline.
    timer_ = timers_.Add(std::chrono::steady_clock::now() + request.timeout, this);
  }
  bool Cancel() override {
    timers_.Cancel(timer_);
    return client_.Abort(std::exchange(transfer_, nullptr));
  }

 private:
  // libcurl looks at its own timeout before it reads a response that has arrived, which must count
  // even if this process was stopped for a while.
  static constexpr std::chrono::minutes kTimeoutGrace{10};

  void OnAttemptDone(const deletion::AttemptResult& result) override {
    if (!is_expired_) timers_.Cancel(timer_);
    is_expired_ = false;
    transfer_ = nullptr;
    observer_->OnAttemptDone(result);
  }
  void OnTimer() override {
    is_expired_ = true;
    client_.Expire(transfer_);
  }

  http::HttpClient& client_;
  event_loop::TimerQueue& timers_;
  event_loop::TimerQueue::Timer timer_;  // valid while an attempt is under way
  bool is_expired_ = false;              // the timer fired, and the attempt is just ending
  http::Transfer* transfer_ = nullptr;   // that is under way
  handler::AttemptObserver* observer_ = nullptr;
};

class HttpAttemptSenderFactory final : public handler::AttemptSenderFactory {
 public:
  // Both outlive it.
  HttpAttemptSenderFactory(http::HttpClient* client, event_loop::TimerQueue* timers)
      : client_(*client), timers_(*timers) {}

  std::unique_ptr<handler::AttemptSender> Make() override {
    return std::make_unique<HttpAttemptSender>(&client_, &timers_);
  }

 private:
  http::HttpClient& client_;
  event_loop::TimerQueue& timers_;
};

}  // namespace evalrun::grpc_adapter

#endif  // EVALRUN_SERVICE_GRPC_ADAPTER_HTTP_ATTEMPT_SENDER_H_
