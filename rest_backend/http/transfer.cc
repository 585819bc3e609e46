// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/http/transfer.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cassert>
#include <new>
#include <system_error>
#include <utility>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <openssl/opensslv.h>
#include <openssl/ssl.h>

#include "rest_backend/deletion/attempt_classification.h"
#include "rest_backend/http/curl_fault.h"
#include "rest_backend/http/curl_options.h"
#include "rest_backend/http/socket_poll.h"

namespace evalrun::http {
namespace {

const char* MethodName(Method method) { return method == Method::kGet ? "GET" : "DELETE"; }

// Both: 0 when there is nothing to tell. curl_easy_getinfo() fails for an `info` only that this
// libcurl does not have.
std::chrono::microseconds GetTimeInfo(CURL* easy, CURLINFO info) {
  curl_off_t microseconds = 0;
  curl_easy_getinfo(easy, info, &microseconds);
  return std::chrono::microseconds(microseconds);
}

long GetLongInfo(CURL* easy, CURLINFO info) {
  long value = 0;
  curl_easy_getinfo(easy, info, &value);
  return value;
}

// Whether libcurl's TLS sessions may be given to OpenSSL's functions: libcurl may have been built
// with another major version, or with another library.
bool CurlUsesThisOpenSsl() {
  static const bool result = absl::StartsWith(curl_version_info(CURLVERSION_NOW)->ssl_version,
                                              absl::StrCat("OpenSSL/", OPENSSL_VERSION_MAJOR, "."));
  return result;
}

// `10.0.0.1:443`, `[::1]:443`; empty for another family.
std::string FormatAddress(const curl_sockaddr& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.family == AF_INET) {
    const auto& ipv4 = reinterpret_cast<const sockaddr_in&>(address.addr);
    inet_ntop(AF_INET, &ipv4.sin_addr, text.data(), text.size());
    return absl::StrCat(text.data(), ":", ntohs(ipv4.sin_port));
  }
  if (address.family == AF_INET6) {
    const auto& ipv6 = reinterpret_cast<const sockaddr_in6&>(address.addr);
    inet_ntop(AF_INET6, &ipv6.sin6_addr, text.data(), text.size());
    return absl::StrCat("[", text.data(), "]:", ntohs(ipv6.sin6_port));
  }
  return {};
}

std::string MakeTargetPrefix(const HttpClientOptions& options) {
  const bool is_plain = absl::StartsWith(options.origin, "http:");
  return is_plain && !options.proxy.empty() ? options.origin : std::string();
}

}  // namespace

Transfer::Transfer(const HttpClientOptions& options, SocketPoll* poll, CURLSH* share)
    : poll_(*poll),
      max_response_bytes_(options.max_response_bytes),
      connect_timeout_(options.connect_timeout),
      target_prefix_(MakeTargetPrefix(options)),
      tls_(options.tls),
      easy_(curl_easy_init()) {
  if (easy_ == nullptr) throw std::bad_alloc();
  CurlOptions set(easy_.get());
  set.Set<CURLOPT_PRIVATE>(this);
  set.Set<CURLOPT_SHARE>(share);

  // The request. The target is set per attempt: as an option of its own it spares libcurl the
  // parsing of a URL.
  set.Set<CURLOPT_URL>(options.origin.c_str());
  set.Set<CURLOPT_CUSTOMREQUEST>(MethodName(method_));
  set.Set<CURLOPT_PATH_AS_IS>(1L);
  set.Set<CURLOPT_HTTP_VERSION>(long{CURL_HTTP_VERSION_1_1});
  set.Set<CURLOPT_PROTOCOLS_STR>("http,https");
  set.Set<CURLOPT_FOLLOWLOCATION>(0L);
  // Even if empty: otherwise the environment counts.
  set.Set<CURLOPT_PROXY>(options.proxy.c_str());
  set.Set<CURLOPT_NOPROXY>("");
  assert(options.headers.size() < kMaxHeaders);
  for (const std::string& line : options.headers) {
    headers_[common_header_count_++].data = const_cast<char*>(line.c_str());
  }

  // Connections.
  set.Set<CURLOPT_NOSIGNAL>(1L);
  set.Set<CURLOPT_ERRORBUFFER>(error_text_.data());
  set.Set<CURLOPT_CONNECTTIMEOUT_MS>(long{options.connect_timeout.count()});
  set.Set<CURLOPT_MAXAGE_CONN>(long{options.idle_connection_age.count()});
  set.Set<CURLOPT_MAXLIFETIME_CONN>(long{options.connection_lifetime.count()});
  set.Set<CURLOPT_DNS_CACHE_TIMEOUT>(long{options.dns_cache_time.count()});
  set.Set<CURLOPT_TCP_KEEPALIVE>(1L);
  set.Set<CURLOPT_OPENSOCKETDATA>(this);
  set.Set<CURLOPT_OPENSOCKETFUNCTION>(
      +[](void* self, curlsocktype, curl_sockaddr* address) -> curl_socket_t {
        return static_cast<Transfer*>(self)->OnOpen(*address);
      });
  set.Set<CURLOPT_CLOSESOCKETDATA>(poll);
  set.Set<CURLOPT_CLOSESOCKETFUNCTION>(
      +[](void* self, curl_socket_t fd) { return static_cast<SocketPoll*>(self)->Close(fd); });

  // TLS. The first two are libcurl's defaults, on which everything rests.
  set.Set<CURLOPT_SSL_VERIFYPEER>(1L);
  set.Set<CURLOPT_SSL_VERIFYHOST>(2L);
  set.Set<CURLOPT_SSLVERSION>(long{CURL_SSLVERSION_TLSv1_2});

  // The response.
  set.Set<CURLOPT_BUFFERSIZE>(4096L);
  set.Set<CURLOPT_HEADERDATA>(this);
  set.Set<CURLOPT_HEADERFUNCTION>(+[](char*, std::size_t, std::size_t size, void* self) {
    return static_cast<Transfer*>(self)->OnHeader(size);
  });
  set.Set<CURLOPT_WRITEDATA>(this);
  set.Set<CURLOPT_WRITEFUNCTION>(+[](char* data, std::size_t, std::size_t size, void* self) {
    return static_cast<Transfer*>(self)->OnBody(data, size);
  });
  set.Set<CURLOPT_PREREQDATA>(this);
  set.Set<CURLOPT_PREREQFUNCTION>(
      +[](void* self, char*, char*, int, int) { return static_cast<Transfer*>(self)->OnSend(); });
  constant_options_ = set.code();
}

Transfer* Transfer::Of(CURL* easy) {
  char* self = nullptr;
  // Cannot fail: the constructor has set it.
  curl_easy_getinfo(easy, CURLINFO_PRIVATE, &self);
  return static_cast<Transfer*>(static_cast<void*>(self));
}

CURLcode Transfer::ApplyTlsFiles() {
  if (tls_ == nullptr) return CURLE_OK;
  tls_files_ = tls_->Current();
  if (tls_files_->version() == tls_version_) return CURLE_OK;
  CurlOptions set(easy_.get());
  if (const char* ca_certificates = tls_files_->ca_certificates(); ca_certificates != nullptr) {
    set.Set<CURLOPT_CAINFO>(ca_certificates);
    // Otherwise the system's CA certificates count as well, wherever libcurl was built with a
    // folder of them.
    set.Set<CURLOPT_CAPATH>(static_cast<const char*>(nullptr));
  }
  set.Set<CURLOPT_SSLCERT>(tls_files_->certificate_chain());
  set.Set<CURLOPT_SSLKEY>(tls_files_->private_key());
  // After an error the handle may hold a mixture of two versions: the next attempt sets all again.
  tls_version_ = set.code() == CURLE_OK ? tls_files_->version() : 0;
  return set.code();
}

void Transfer::Abandon() {
  observer_ = nullptr;
  // The lines of the request may go now. libcurl has written them, and OnSend() does not let it
  // write them again.
  CurlOptions(easy_.get()).Set<CURLOPT_HTTPHEADER>(static_cast<curl_slist*>(nullptr));
}

void Transfer::End() {
  shard_ = nullptr;
  tls_files_.reset();
}

bool Transfer::Begin(const AttemptRequest& request, AttemptObserver* attempt_observer) {
  observer_ = attempt_observer;
  begun_at_ = std::chrono::steady_clock::now();
  waited_ = std::chrono::milliseconds(0);
  timeout_ = std::max(std::chrono::milliseconds(1), request.timeout);
  timeout_grace_ = request.timeout_grace;
  error_text_.front() = '\0';
  last_address_.clear();
  body_.clear();
  header_bytes_ = 0;
  attempts_ = 0;
  unexpected_bytes_ = false;

  std::size_t count = common_header_count_;
  assert(count + request.headers.size() <= kMaxHeaders);
  for (const char* line : request.headers) headers_[count++].data = const_cast<char*>(line);
  for (std::size_t i = 0; i < count; ++i) {
    headers_[i].next = i + 1 < count ? &headers_[i + 1] : nullptr;
  }

  const CURLcode tls = ApplyTlsFiles();
  CurlOptions set(easy_.get());
  if (request.method != method_) {
    method_ = request.method;
    set.Set<CURLOPT_CUSTOMREQUEST>(MethodName(method_));
  }
  set.Set<CURLOPT_HTTPHEADER>(count == 0 ? nullptr : headers_.data());
  if (target_prefix_.empty()) {
    set.Set<CURLOPT_REQUEST_TARGET>(request.target);
  } else {
    set.Set<CURLOPT_REQUEST_TARGET>(absl::StrCat(target_prefix_, request.target).c_str());
  }
  set.Set<CURLOPT_TIMEOUT_MS>(long{(timeout_ + timeout_grace_).count()});
  if (std::exchange(connect_timeout_is_shorter_, false)) {
    set.Set<CURLOPT_CONNECTTIMEOUT_MS>(long{connect_timeout_.count()});
  }
  // HasUnexpectedBytes() must be able to look at what a connection that is used again has received.
  set.Set<CURLOPT_FRESH_CONNECT>(request.fresh_connection || !CurlUsesThisOpenSsl() ? 1L : 0L);
  return constant_options_ == CURLE_OK && tls == CURLE_OK && set.code() == CURLE_OK;
}

bool Transfer::Enter(Shard* in_shard, std::shared_ptr<const PinnedAddresses> addresses,
                     bool has_waited) {
  shard_ = in_shard;
  CurlOptions set(easy_.get());
  // libcurl takes the list when it next begins a transfer with this handle, into the cache that all
  // handles share.
  if (addresses != addresses_) {
    set.Set<CURLOPT_RESOLVE>(addresses->list());
    addresses_ = std::move(addresses);
  }
  if (has_waited) {
    waited_ = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - begun_at_);
    const auto shorter = [this](std::chrono::milliseconds time) {
      return long{std::max(std::chrono::milliseconds(1), time - waited_).count()};
    };
    set.Set<CURLOPT_TIMEOUT_MS>(shorter(timeout_ + timeout_grace_));
    set.Set<CURLOPT_CONNECTTIMEOUT_MS>(shorter(connect_timeout_));
    connect_timeout_is_shorter_ = true;
  }
  return set.code() == CURLE_OK;
}

int Transfer::OnOpen(const curl_sockaddr& address) {
  last_address_ = FormatAddress(address);
  return poll_.Open(address);
}

std::size_t Transfer::OnHeader(std::size_t size) {
  header_bytes_ += size;
  return header_bytes_ <= kMaxHeaderBytes ? size : 0;
}

std::size_t Transfer::OnBody(const char* data, std::size_t size) {
  const std::size_t left = max_response_bytes_ - body_.size();
  body_.append(data, std::min(size, left));
  return size <= left ? size : 0;
}

int Transfer::OnSend() {
  // libcurl closes the connection of a transfer that is aborted.
  unexpected_bytes_ = HasUnexpectedBytes();
  if (unexpected_bytes_) return CURL_PREREQFUNC_ABORT;
  // Called before each time that libcurl sends the request. A second time is libcurl's own retry
  // after a reused connection was lost; whether to retry is not its decision.
  return ++attempts_ == 1 ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

bool Transfer::HasUnexpectedBytes() const {
  if (!CurlUsesThisOpenSsl()) return false;
  const curl_tlssessioninfo* session = nullptr;
  // Stays nullptr when there is no TLS.
  curl_easy_getinfo(easy_.get(), CURLINFO_TLS_SSL_PTR, &session);
  if (session == nullptr || session->internals == nullptr) return false;
  // Bytes that have been decrypted are no longer in the socket, where SocketPoll would see them.
  return SSL_pending(static_cast<const SSL*>(session->internals)) > 0;
}

std::string_view Transfer::Header(const char* name) const {
  curl_header* header = nullptr;
  // -1: of the final response, not of interim ones.
  if (curl_easy_header(easy_.get(), name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK) return {};
  return header->value;
}

deletion::AttemptResult Transfer::Result(CURLcode code) {
  return MakeResult(code, waited_ + GetTimeInfo(easy_.get(), CURLINFO_TOTAL_TIME_T));
}

// libcurl's total time is that of the last progress.
deletion::AttemptResult Transfer::ExpiredResult() {
  return MakeResult(CURLE_OPERATION_TIMEDOUT, timeout_);
}

deletion::AttemptResult Transfer::NotStartedResult(deletion::Fault fault,
                                                   std::string_view text) const {
  deletion::AttemptResult result;
  result.fault = fault;
  result.fault_text = text;
  result.timing.total = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::steady_clock::now() - begun_at_);
  return result;
}

void Transfer::SetFault(CURLcode code, deletion::AttemptResult* result) {
  using deletion::Fault;
  result->fault = code == CURLE_OK ? Fault::kProtocol : ToFault(code);
  result->fault_address = last_address_;
  // An attempt that expires may not have begun: the handle then has the status of its previous one.
  if (!result->may_have_been_sent && code != CURLE_OPERATION_TIMEDOUT) {
    const auto status = static_cast<int>(GetLongInfo(easy_.get(), CURLINFO_HTTP_CONNECTCODE));
    if (status != 0 && status / 100 != 2) {
      result->fault = Fault::kProxyRefused;
      result->proxy_status = status;
    }
  }
  // libcurl has one code for both: the connect timeout and that of the whole attempt.
  const bool connect_timed_out = result->fault == Fault::kTimeout && !result->may_have_been_sent &&
                                 result->timing.total < timeout_;
  if (connect_timed_out) result->fault = Fault::kConnect;

  // Of libcurl's own words only those about TLS: others may repeat what was sent or received, or
  // count milliseconds.
  if (result->fault == Fault::kTls && error_text_.front() != '\0') {
    fault_text_ = error_text_.data();
  } else if (connect_timed_out) {
    fault_text_ = "no connection in time";
  } else if (result->fault == Fault::kProxyRefused) {
    fault_text_ = absl::StrCat("the proxy responded ", result->proxy_status, " to CONNECT");
  } else if (const long error =
                 code == CURLE_COULDNT_CONNECT ? GetLongInfo(easy_.get(), CURLINFO_OS_ERRNO) : 0;
             error != 0) {
    fault_text_ = std::generic_category().message(static_cast<int>(error));
  } else if (result->fault == Fault::kProtocol) {
    fault_text_ = "the response is not HTTP";
  } else {
    fault_text_ = curl_easy_strerror(code);
  }
  result->fault_text = fault_text_;
}

deletion::AttemptResult Transfer::MakeResult(CURLcode code, std::chrono::microseconds total) {
  CURL* easy = easy_.get();
  deletion::AttemptResult result;
  result.may_have_been_sent = may_have_been_sent();
  result.duplicate_suppressed = attempts_ > 1;
  // libcurl retries by itself only what was sent on a reused connection, and makes a new one for
  // it.
  result.connection_reused =
      result.duplicate_suppressed || unexpected_bytes_ ||
      (result.may_have_been_sent && GetLongInfo(easy, CURLINFO_NUM_CONNECTS) == 0);
  result.timing.total = total;
  // There is no response before a request: until it begins to send one, libcurl still has the
  // status of the handle's previous transfer.
  if (attempts_ > 0) {
    const int status = static_cast<int>(GetLongInfo(easy, CURLINFO_RESPONSE_CODE));
    if (deletion::IsResponse(status, code == CURLE_OPERATION_TIMEDOUT)) result.http_status = status;
  }
  if (result.may_have_been_sent && !result.connection_reused) {
    result.timing.connect = waited_ + GetTimeInfo(easy, CURLINFO_PRETRANSFER_TIME_T);
  }
  if (result.http_status == 0) {
    SetFault(code, &result);
    return result;
  }
  // There is a status line: it decides, whatever happened to the rest of the response.
  result.timing.first_byte = waited_ + GetTimeInfo(easy, CURLINFO_STARTTRANSFER_TIME_T);
  if (code == CURLE_OK && result.http_status == 204)
    return result;  // the common case reads no further
  result.body = {
      .bytes = body_, .content_type = Header("Content-Type"), .complete = code == CURLE_OK};
  result.date = Header("Date");
  result.retry_after = Header("Retry-After");
  result.retry_after_ms = Header("Retry-After-Ms");
  result.should_retry = Header("X-Should-Retry");
  result.upstream_request_id = Header("X-Request-Id");
  return result;
}

}  // namespace evalrun::http
