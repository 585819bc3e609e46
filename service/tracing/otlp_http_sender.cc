// SPDX-License-Identifier: Apache-2.0

#include "service/tracing/otlp_http_sender.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "service/tracing/otlp.h"

namespace evalrun::tracing {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMaxResponseBytes = 65536;

std::size_t OnBody(const char* data, std::size_t size, std::size_t count, void* response) {
  auto& body = *static_cast<std::string*>(response);
  const std::size_t bytes = size * count;
  if (bytes > kMaxResponseBytes - std::min(body.size(), kMaxResponseBytes)) return 0;
  body.append(data, bytes);
  return bytes;
}

// The statuses that OTLP calls retryable.
bool IsRetryable(long status) {
  return status == 429 || status == 502 || status == 503 || status == 504;
}

SendResult Unavailable(std::string error) {
  return {.status = SendResult::Status::kUnavailable, .error = std::move(error)};
}

}  // namespace

OtlpHttpSender::OtlpHttpSender(OtlpHttpOptions options)
    : options_(std::move(options)),
      end_by_(Clock::time_point::max().time_since_epoch().count()),
      multi_(curl_multi_init()) {
  for (const char* header : {"Content-Type: application/x-protobuf", "Expect:"}) {
    headers_ = curl_slist_append(headers_, header);
  }
}

OtlpHttpSender::~OtlpHttpSender() { curl_slist_free_all(headers_); }

void OtlpHttpSender::EndBy(Clock::time_point deadline) {
  end_by_ = deadline.time_since_epoch().count();
  curl_multi_wakeup(multi_.get());
}

OtlpHttpSender::Clock::duration OtlpHttpSender::TimeLeft() const {
  const Clock::time_point end_by{Clock::duration(end_by_)};
  return end_by == Clock::time_point::max() ? Clock::duration::max() : end_by - Clock::now();
}

http::EasyHandle OtlpHttpSender::MakeHandle(const std::string& request) {
  http::EasyHandle handle(curl_easy_init());
  CURL* curl = handle.get();
  if (curl == nullptr) return handle;
  const auto timeout = static_cast<long>(options_.timeout.count());
  curl_easy_setopt(curl, CURLOPT_URL, options_.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_PROXY, "");  // nor one of the environment
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);  // does not wait for a name server
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, timeout);
  curl_easy_setopt(curl, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!options_.ca_file.empty()) {
    curl_easy_setopt(curl, CURLOPT_CAINFO, options_.ca_file.c_str());
    curl_easy_setopt(curl, CURLOPT_CAPATH, nullptr);
  }
  curl_easy_setopt(curl, CURLOPT_USERAGENT, options_.user_agent.c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers_);
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.data());
  curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.size()));
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, OnBody);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &response_);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error_.data());
  return handle;
}

CURLcode OtlpHttpSender::Perform(CURL* handle) {
  if (curl_multi_add_handle(multi_.get(), handle) != CURLM_OK) return CURLE_OUT_OF_MEMORY;
  CURLcode result = CURLE_OPERATION_TIMEDOUT;
  for (;;) {
    int running = 0;
    if (curl_multi_perform(multi_.get(), &running) != CURLM_OK) break;
    int queued = 0;
    if (const CURLMsg* message = curl_multi_info_read(multi_.get(), &queued)) {
      result = message->data.result;
      break;
    }
    const Clock::duration time_left = TimeLeft();
    if (time_left <= Clock::duration::zero()) break;
    // curl_multi_poll() returns earlier when a timer of the transfer is due.
    const auto wait = std::min<Clock::duration>(time_left, milliseconds(1000));
    curl_multi_poll(multi_.get(), nullptr, 0,
                    static_cast<int>(std::chrono::ceil<milliseconds>(wait).count()), nullptr);
  }
  curl_multi_remove_handle(multi_.get(), handle);
  return result;
}

SendResult OtlpHttpSender::Send(const std::string& request) {
  if (TimeLeft() <= Clock::duration::zero()) return Unavailable("no time left");
  response_.clear();
  error_.assign(CURL_ERROR_SIZE, '\0');
  const http::EasyHandle handle = MakeHandle(request);
  if (handle == nullptr) return Unavailable("out of memory");
  const CURLcode result = Perform(handle.get());
  if (result != CURLE_OK) {
    return Unavailable(error_.front() != '\0' ? error_.c_str() : curl_easy_strerror(result));
  }
  long status = 0;
  curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status >= 200 && status < 300) {
    return {.rejected_spans = ParseRejectedSpans(response_).value_or(0)};
  }
  const std::string error = "HTTP status " + std::to_string(status);
  if (!IsRetryable(status)) {
    return {.status = SendResult::Status::kRejected, .error = error};
  }
  curl_off_t seconds = 0;
  curl_easy_getinfo(handle.get(), CURLINFO_RETRY_AFTER, &seconds);
  SendResult unavailable = Unavailable(error);
  unavailable.retry_after = std::chrono::seconds(std::clamp<curl_off_t>(seconds, 0, 3600));
  return unavailable;
}

}  // namespace evalrun::tracing
