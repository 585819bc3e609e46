#include "rest_backend/http/transfer.h"

#include <algorithm>
#include <cassert>
#include <new>

#include <openssl/ssl.h>

#include "rest_backend/http/curl_fault.h"
#include "rest_backend/http/socket_poll.h"

namespace evalrun::http {
namespace {

const char* MethodName(Method method) { return method == Method::kGet ? "GET" : "DELETE"; }

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

}  // namespace

Transfer::Transfer(const HttpClientOptions& options, SocketPoll* poll, CURLSH* share)
    : max_response_bytes_(options.max_response_bytes), tls_(options.tls), easy_(curl_easy_init()) {
  if (easy_ == nullptr) throw std::bad_alloc();
  CURL* easy = easy_.get();
  curl_easy_setopt(easy, CURLOPT_PRIVATE, this);
  curl_easy_setopt(easy, CURLOPT_SHARE, share);

  // The request. The target is set per send: as an option of its own it spares libcurl the parsing
  // of a URL.
  curl_easy_setopt(easy, CURLOPT_URL, options.origin.c_str());
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, MethodName(method_));
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_PROXY,
                   options.proxy.c_str());  // set, so that the environment is not asked
  assert(options.headers.size() < kMaxHeaders);
  for (const std::string& line : options.headers) {
    headers_[common_header_count_++].data = const_cast<char*>(line.c_str());
  }

  // Connections.
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, long{options.connect_timeout.count()});
  curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, long{options.idle_connection_age.count()});
  curl_easy_setopt(easy, CURLOPT_MAXLIFETIME_CONN, long{options.connection_lifetime.count()});
  curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, long{options.dns_cache_time.count()});
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, poll);
  curl_easy_setopt(
      easy, CURLOPT_OPENSOCKETFUNCTION,
      +[](void* self, curlsocktype, curl_sockaddr* address) -> curl_socket_t {
        return static_cast<SocketPoll*>(self)->Open(*address);
      });
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, poll);
  curl_easy_setopt(
      easy, CURLOPT_CLOSESOCKETFUNCTION,
      +[](void* self, curl_socket_t fd) { return static_cast<SocketPoll*>(self)->Close(fd); });

  // TLS. The first two are libcurl's defaults, on which everything rests.
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, long{CURL_SSLVERSION_TLSv1_2});

  // The answer.
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 4096L);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(
      easy, CURLOPT_HEADERFUNCTION, +[](char*, std::size_t, std::size_t size, void* self) {
        return static_cast<Transfer*>(self)->OnHeader(size);
      });
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(
      easy, CURLOPT_WRITEFUNCTION, +[](char* data, std::size_t, std::size_t size, void* self) {
        return static_cast<Transfer*>(self)->OnBody(data, size);
      });
  curl_easy_setopt(easy, CURLOPT_PREREQDATA, this);
  curl_easy_setopt(
      easy, CURLOPT_PREREQFUNCTION,
      +[](void* self, char*, char*, int, int) { return static_cast<Transfer*>(self)->OnSend(); });
}

Transfer* Transfer::Of(CURL* easy) {
  char* self = nullptr;
  curl_easy_getinfo(easy, CURLINFO_PRIVATE, &self);
  return static_cast<Transfer*>(static_cast<void*>(self));
}

void Transfer::ApplyTlsFiles() {
  if (tls_ == nullptr) return;
  tls_files_ = tls_->Current();
  if (tls_files_->version() == tls_version_) return;
  tls_version_ = tls_files_->version();
  CURL* easy = easy_.get();
  if (const char* authorities = tls_files_->authorities(); authorities != nullptr) {
    curl_easy_setopt(easy, CURLOPT_CAINFO, authorities);
    // Otherwise the system's authorities count as well, wherever libcurl was built with a folder
    // of them.
    curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
  }
  curl_easy_setopt(easy, CURLOPT_SSLCERT, tls_files_->certificate());
  curl_easy_setopt(easy, CURLOPT_SSLKEY, tls_files_->key());
}

void Transfer::End() {
  shard_ = nullptr;
  tls_files_.reset();
}

void Transfer::Begin(const AttemptRequest& request, AttemptObserver* attempt_observer,
                     Shard* in_shard) {
  observer_ = attempt_observer;
  shard_ = in_shard;
  timeout_ = std::max(std::chrono::milliseconds(1), request.timeout);
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

  ApplyTlsFiles();
  CURL* easy = easy_.get();
  if (request.method != method_) {
    method_ = request.method;
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, MethodName(method_));
  }
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, count == 0 ? nullptr : headers_.data());
  curl_easy_setopt(easy, CURLOPT_REQUEST_TARGET, request.target);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, long{timeout_.count()});
  curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, request.fresh_connection ? 1L : 0L);
}

std::size_t Transfer::OnHeader(std::size_t size) {
  header_bytes_ += size;
  return header_bytes_ <= max_response_bytes_ ? size : 0;
}

std::size_t Transfer::OnBody(const char* data, std::size_t size) {
  const std::size_t room = max_response_bytes_ - body_.size();
  body_.append(data, std::min(size, room));
  return size <= room ? size : 0;
}

int Transfer::OnSend() {
  if (CloseIfUnexpectedBytes()) return CURL_PREREQFUNC_ABORT;
  // Called before each time that libcurl sends the request. A second time is its silent re-send
  // after a reused connection died; whether to send again is not its decision.
  return ++attempts_ == 1 ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

bool Transfer::CloseIfUnexpectedBytes() {
  const curl_tlssessioninfo* session = nullptr;
  curl_easy_getinfo(easy_.get(), CURLINFO_TLS_SSL_PTR, &session);
  if (session == nullptr || session->internals == nullptr) return false;
  // Of bytes that have been decrypted the socket shows nothing, and so SocketPoll knows nothing.
  const auto* tls = static_cast<const SSL*>(session->internals);
  if (SSL_pending(tls) == 0) return false;
  unexpected_bytes_ = true;
  SocketPoll::CloseConnection(SSL_get_fd(tls));
  return true;
}

std::string_view Transfer::Header(const char* name) const {
  curl_header* header = nullptr;
  // -1: of the last answer, past any interim ones.
  if (curl_easy_header(easy_.get(), name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK) return {};
  return header->value;
}

deletion::AttemptResult Transfer::Result(CURLcode code) const {
  CURL* easy = easy_.get();
  deletion::AttemptResult result;
  result.may_have_been_sent = may_have_been_sent();
  result.duplicate_suppressed = attempts_ > 1;
  // libcurl sends by itself again only what went out on a reused connection. For the second time it
  // has made a new one.
  result.connection_reused =
      result.duplicate_suppressed || unexpected_bytes_ ||
      (result.may_have_been_sent && GetLongInfo(easy, CURLINFO_NUM_CONNECTS) == 0);
  result.timing.total = GetTimeInfo(easy, CURLINFO_TOTAL_TIME_T);
  result.http_status = static_cast<int>(GetLongInfo(easy, CURLINFO_RESPONSE_CODE));
  if (result.may_have_been_sent && !result.connection_reused) {
    result.timing.connect = GetTimeInfo(easy, CURLINFO_PRETRANSFER_TIME_T);
  }
  if (result.http_status == 0) {
    result.fault = code == CURLE_OK ? deletion::Fault::kProtocol : ToFault(code);
    // libcurl has one code for both: the time to connect was up, or that of the whole send.
    if (result.fault == deletion::Fault::kTimeout && !result.may_have_been_sent &&
        result.timing.total < timeout_) {
      result.fault = deletion::Fault::kConnect;
    }
    return result;
  }
  // A status line has come: it decides, whatever happened to the rest of the answer.
  result.timing.first_byte = GetTimeInfo(easy, CURLINFO_STARTTRANSFER_TIME_T);
  if (code == CURLE_OK && result.http_status == 204)
    return result;  // the common case reads no further
  result.body = {
      .bytes = body_, .content_type = Header("Content-Type"), .complete = code == CURLE_OK};
  result.retry_after = Header("Retry-After");
  result.retry_after_ms = Header("Retry-After-Ms");
  result.should_retry = Header("X-Should-Retry");
  result.upstream_request_id = Header("X-Request-Id");
  return result;
}

}  // namespace evalrun::http
