// SPDX-License-Identifier: Apache-2.0
//
// File: transfer.h
//
// One reusable libcurl easy handle. Options that never change are set once; the response to the
// current attempt is collected here.
#ifndef EVALRUN_REST_BACKEND_HTTP_TRANSFER_H_
#define EVALRUN_REST_BACKEND_HTTP_TRANSFER_H_

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <curl/curl.h>

#include "rest_backend/deletion/attempt_result.h"
#include "rest_backend/http/client_tls.h"
#include "rest_backend/http/curl_handle.h"
#include "rest_backend/http/http_attempt.h"
#include "rest_backend/http/pinned_addresses.h"

namespace evalrun::http {

class Shard;
class SocketPoll;

// Not thread-safe; libcurl keeps its address, and so it is neither copied nor moved.
class Transfer {
 public:
  // `poll` and `share` outlive the transfer.
  Transfer(const HttpClientOptions& options, SocketPoll* poll, CURLSH* share);
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  static Transfer* Of(CURL* easy);

  // Prepares the handle for one attempt. False: libcurl did not take all options, and the handle
  // must not be used for this attempt.
  [[nodiscard]] bool Begin(const AttemptRequest& request, AttemptObserver* attempt_observer);

  // The attempt, which has begun, is about to be added to `in_shard`. Connections are made to
  // `addresses`; nullptr: libcurl knows them. When the attempt `has_waited` for them, that time
  // counts for all timeouts. False: as for Begin().
  [[nodiscard]] bool Enter(Shard* in_shard, std::shared_ptr<const PinnedAddresses> addresses,
                           bool has_waited);

  // Goes on with an attempt that has been sent, without an observer.
  void Abandon();

  // The attempt is finished or aborted.
  void End();

  // The result of the attempt. The views refer to this transfer, until the next Begin().
  [[nodiscard]] deletion::AttemptResult Result(CURLcode code);
  // The same for an attempt that is under way, or waits, and whose timeout has passed.
  [[nodiscard]] deletion::AttemptResult ExpiredResult();
  // The same for an attempt that was not started. `text` must live as long as the result.
  [[nodiscard]] deletion::AttemptResult NotStartedResult(deletion::Fault fault,
                                                         std::string_view text) const;

  [[nodiscard]] CURL* easy() const { return easy_.get(); }
  // nullptr: the attempt is abandoned.
  [[nodiscard]] AttemptObserver* observer() const { return observer_; }
  [[nodiscard]] Shard* shard() const { return shard_; }
  [[nodiscard]] bool may_have_been_sent() const { return attempts_ > 0; }
  [[nodiscard]] std::chrono::steady_clock::time_point begun_at() const { return begun_at_; }

 private:
  [[nodiscard]] deletion::AttemptResult MakeResult(CURLcode code, std::chrono::microseconds total);
  void SetFault(CURLcode code, deletion::AttemptResult* result);
  static constexpr std::size_t kMaxHeaders = 16;

  std::size_t OnHeader(std::size_t size);
  std::size_t OnBody(const char* data, std::size_t size);
  int OnSend();
  int OnOpen(const curl_sockaddr& address);
  // Whether bytes beyond the end of the connection's last response wait to be read: they would be
  // taken for the response to this request.
  [[nodiscard]] bool HasUnexpectedBytes() const;
  [[nodiscard]] std::string_view Header(const char* name) const;
  CURLcode ApplyTlsFiles();

  SocketPoll& poll_;
  const std::size_t max_response_bytes_;
  const std::chrono::milliseconds connect_timeout_;
  // Before the target of each request: a proxy of plain HTTP takes the whole URL (RFC 9112, section
  // 3.2.2). Empty otherwise.
  const std::string target_prefix_;
  const ClientTls* tls_;
  // Of the current attempt: libcurl opens them when it connects.
  std::shared_ptr<const TlsFileSet> tls_files_;
  std::uint64_t tls_version_ = 0;  // of the files that the handle uses; 0: of none
  EasyHandle easy_;
  CURLcode constant_options_ = CURLE_OK;  // whether libcurl took those that never change
  AttemptObserver* observer_ = nullptr;
  Shard* shard_ = nullptr;
  // The header list of libcurl, in place: the fixed lines first, then those of the request.
  std::array<curl_slist, kMaxHeaders> headers_{};
  std::size_t common_header_count_ = 0;
  Method method_ = Method::kDelete;  // that the handle sends
  std::chrono::milliseconds timeout_{0};
  std::chrono::milliseconds timeout_grace_{0};
  std::chrono::steady_clock::time_point begun_at_;
  std::chrono::milliseconds waited_{0};               // for addresses
  bool connect_timeout_is_shorter_ = false;           // by that
  std::shared_ptr<const PinnedAddresses> addresses_;  // that libcurl was given last
  std::array<char, CURL_ERROR_SIZE> error_text_{};    // libcurl's words for the last error
  std::string fault_text_;
  std::string last_address_;  // that a connection was begun to
  std::string body_;
  std::size_t header_bytes_ = 0;
  int attempts_ = 0;               // how often libcurl was about to send the request
  bool unexpected_bytes_ = false;  // for which the connection was closed instead
};

}  // namespace evalrun::http

#endif  // EVALRUN_REST_BACKEND_HTTP_TRANSFER_H_
