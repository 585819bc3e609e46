// SPDX-License-Identifier: Apache-2.0
//
// File: otlp_http_sender.h
//
// OTLP/HTTP, with bodies in protobuf's binary encoding.
#ifndef EVALRUN_SERVICE_TRACING_OTLP_HTTP_SENDER_H_
#define EVALRUN_SERVICE_TRACING_OTLP_HTTP_SENDER_H_

#include <atomic>
#include <chrono>
#include <string>

#include "rest_backend/http/curl_handle.h"
#include "service/tracing/span_sender.h"

namespace evalrun::tracing {

struct OtlpHttpOptions {
  std::string url;  // such as `http://collector:4318/v1/traces`
  // File with the certificate authorities of a collector of https, in PEM; read for each new
  // connection. Empty: those of the system.
  std::string ca_file;
  std::chrono::milliseconds timeout{10'000};  // of a request, connecting included
  std::string user_agent;
};

// Redirects are not followed, no proxy is used, and of a response no more than 64 KiB are read.
class OtlpHttpSender final : public SpanSender {
 public:
  // libcurl must have been initialised.
  explicit OtlpHttpSender(OtlpHttpOptions options);
  ~OtlpHttpSender() override;
  OtlpHttpSender(const OtlpHttpSender&) = delete;
  OtlpHttpSender& operator=(const OtlpHttpSender&) = delete;

  SendResult Send(const std::string& request) override;
  void EndBy(std::chrono::steady_clock::time_point deadline) override;

 private:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] http::EasyHandle MakeHandle(const std::string& request);
  // Performs the transfer until it has ended or its time is over.
  CURLcode Perform(CURL* handle);
  [[nodiscard]] Clock::duration TimeLeft() const;

  const OtlpHttpOptions options_;
  std::atomic<Clock::duration::rep> end_by_;
  const http::MultiHandle multi_;  // keeps the connection
  curl_slist* headers_ = nullptr;
  std::string response_;
  std::string error_;  // CURL_ERROR_SIZE bytes that libcurl writes to
};

}  // namespace evalrun::tracing

#endif  // EVALRUN_SERVICE_TRACING_OTLP_HTTP_SENDER_H_
