// File: transfer.h
//
// One reusable libcurl easy handle: everything that does not change is set once, and the answer of
// the current send is collected here.
#ifndef EVALRUN_REST_BACKEND_HTTP_TRANSFER_H_
#define EVALRUN_REST_BACKEND_HTTP_TRANSFER_H_

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include <curl/curl.h>

#include "rest_backend/deletion/attempt_result.h"
#include "rest_backend/http/client_tls.h"
#include "rest_backend/http/curl_handle.h"
#include "rest_backend/http/http_client.h"

namespace evalrun::http {

// Not thread-safe; libcurl keeps its address, and so it is neither copied nor moved.
class Transfer {
 public:
  // `poll` and `share` outlive the transfer.
  Transfer(const HttpClientOptions& options, SocketPoll* poll, CURLSH* share);
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  static Transfer* Of(CURL* easy);

  // Prepares the handle for one send.
  void Begin(const AttemptRequest& request, AttemptObserver* attempt_observer, Shard* in_shard);

  // The send is over, or given up.
  void End();

  // What the send came to. The views refer to this transfer, until the next Begin().
  [[nodiscard]] deletion::AttemptResult Result(CURLcode code) const;

  [[nodiscard]] CURL* easy() const { return easy_.get(); }
  [[nodiscard]] AttemptObserver* observer() const { return observer_; }
  [[nodiscard]] Shard* shard() const { return shard_; }
  [[nodiscard]] bool may_have_been_sent() const { return attempts_ > 0; }

 private:
  static constexpr std::size_t kMaxHeaders = 16;

  std::size_t OnHeader(std::size_t size);
  std::size_t OnBody(const char* data, std::size_t size);
  int OnSend();
  // Bytes of the last answer on this connection, beyond its end, that wait to be read: the request
  // would take them for its own answer.
  bool CloseIfUnexpectedBytes();
  [[nodiscard]] std::string_view Header(const char* name) const;
  void ApplyTlsFiles();

  const std::size_t max_response_bytes_;
  const ClientTls* tls_;
  // Of the send that is under way: libcurl opens them when it connects.
  std::shared_ptr<const TlsFileSet> tls_files_;
  std::uint64_t tls_version_ = 0;  // of the file set that the handle knows
  EasyHandle easy_;
  AttemptObserver* observer_ = nullptr;
  Shard* shard_ = nullptr;
  // The header list of libcurl, in place: the fixed lines first, then those of the request.
  std::array<curl_slist, kMaxHeaders> headers_{};
  std::size_t common_header_count_ = 0;
  Method method_ = Method::kDelete;  // that the handle sends
  std::chrono::milliseconds timeout_{0};
  std::string body_;
  std::size_t header_bytes_ = 0;
  int attempts_ = 0;               // how often libcurl wanted to send the request
  bool unexpected_bytes_ = false;  // and it was not let
};

}  // namespace evalrun::http

#endif  // EVALRUN_REST_BACKEND_HTTP_TRANSFER_H_
