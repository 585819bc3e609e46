// SPDX-License-Identifier: Apache-2.0
//
// File: http_event_source.h
//
// The HTTP client as a source of events for the event loop.
#ifndef EVALRUN_SERVICE_GRPC_ADAPTER_HTTP_EVENT_SOURCE_H_
#define EVALRUN_SERVICE_GRPC_ADAPTER_HTTP_EVENT_SOURCE_H_

#include <chrono>
#include <cstddef>
#include <optional>

#include "rest_backend/http/http_client.h"
#include "service/event_loop/event_source.h"

namespace evalrun::grpc_adapter {

class HttpEventSource final : public event_loop::EventSource {
 public:
  // `client` outlives the source.
  explicit HttpEventSource(http::HttpClient* client) : client_(*client) {}

  [[nodiscard]] int poll_fd() const override { return client_.poll_fd(); }
  std::size_t Poll() override { return client_.Poll(); }
  bool RunReady() override { return client_.RunReady(); }
  [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> NextWakeUp() const override {
    return client_.NextWakeUp();
  }

 private:
  http::HttpClient& client_;
};

}  // namespace evalrun::grpc_adapter

#endif  // EVALRUN_SERVICE_GRPC_ADAPTER_HTTP_EVENT_SOURCE_H_
