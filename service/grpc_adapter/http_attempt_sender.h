// File: http_attempt_sender.h
//
// The attempts of one call, or a probe, by the HTTP client.
#ifndef EVALRUN_SERVICE_GRPC_ADAPTER_HTTP_ATTEMPT_SENDER_H_
#define EVALRUN_SERVICE_GRPC_ADAPTER_HTTP_ATTEMPT_SENDER_H_

#include <memory>
#include <utility>

#include "rest_backend/deletion/attempt_result.h"
#include "rest_backend/http/http_client.h"
#include "service/handler/attempt_sender.h"

namespace evalrun::grpc_adapter {

// Belongs to the event loop's thread.
class HttpAttemptSender final : public handler::AttemptSender, private http::AttemptObserver {
 public:
  // `client` outlives it.
  explicit HttpAttemptSender(http::HttpClient* client) : client_(*client) {}
  HttpAttemptSender(const HttpAttemptSender&) = delete;
  HttpAttemptSender& operator=(const HttpAttemptSender&) = delete;

  void Start(const handler::AttemptRequest& request, handler::AttemptObserver* observer) override {
    observer_ = observer;
    const bool is_get = request.method == handler::AttemptRequest::Method::kGet;
    transfer_ = client_.Send({.method = is_get ? http::Method::kGet : http::Method::kDelete,
                              .target = request.target,
                              .headers = request.headers,
                              .timeout = request.timeout,
                              .fresh_connection = request.fresh_connection},
                             this);
  }
  bool Cancel() override { return client_.Abort(std::exchange(transfer_, nullptr)); }

 private:
  void OnAttemptDone(const deletion::AttemptResult& result) override {
    transfer_ = nullptr;
    observer_->OnAttemptDone(result);
  }

  http::HttpClient& client_;
  http::Transfer* transfer_ = nullptr;  // that is under way
  handler::AttemptObserver* observer_ = nullptr;
};

class HttpAttemptSenderFactory final : public handler::AttemptSenderFactory {
 public:
  // `client` outlives it.
  explicit HttpAttemptSenderFactory(http::HttpClient* client) : client_(*client) {}

  std::unique_ptr<handler::AttemptSender> Make() override {
    return std::make_unique<HttpAttemptSender>(&client_);
  }

 private:
  http::HttpClient& client_;
};

}  // namespace evalrun::grpc_adapter

#endif  // EVALRUN_SERVICE_GRPC_ADAPTER_HTTP_ATTEMPT_SENDER_H_
