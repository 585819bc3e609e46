// File: http_client.h
//
// Sends DELETE and GET requests to one upstream and reports what each came to. libcurl's multi
// interface does the HTTP; this class gives it sockets, time and bounds.
//
//   HttpClient client(options);
//   client.Send({.target = "/v2/eval-runs/...", .headers = {...}, .timeout = 5s}, &observer);
//   for (;;) {
//     ... wait until client.poll_fd() is readable or client.NextWakeUp() has come ...
//     client.Poll();
//     client.RunReady();  // calls observers
//   }
//
// Guarantees:
// * One Send() is at most one request on the wire. libcurl by itself sends a request again when a
// reused
//   connection dies before the first byte of an answer; that is stopped and reported as a lost
//   connection.
// * An https upstream is verified, its name included, and speaks TLS 1.2 or later.
// * Redirects are not followed, nothing is decompressed, and no answer makes it read more than the
//   configured number of bytes.
// * No call blocks: names are resolved on libcurl's own threads.
//
// Not thread-safe: one thread at a time, under the caller's lock if there are several.
#ifndef EVALRUN_REST_BACKEND_HTTP_HTTP_CLIENT_H_
#define EVALRUN_REST_BACKEND_HTTP_HTTP_CLIENT_H_

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "rest_backend/deletion/attempt_result.h"
#include "rest_backend/http/curl_handle.h"
#include "rest_backend/http/socket_poll.h"

namespace evalrun::http {

class ClientTls;
class Shard;
class Transfer;

struct HttpClientOptions {
  // `http://host:port` or `https://host[:port]`, without a path.
  std::string origin;
  // Header lines sent with every request, such as `User-Agent: x/1`.
  std::vector<std::string> headers;
  std::string proxy;  // empty: none, whatever the environment says
  std::chrono::milliseconds connect_timeout{2000};
  // Connections kept for later requests; beyond them, a connection is closed when its request is
  // over.
  std::size_t max_idle_connections = 2048;
  std::chrono::seconds idle_connection_age{15};   // an older idle connection is closed
  std::chrono::seconds connection_lifetime{300};  // an older connection is not used again
  std::chrono::seconds dns_cache_time{30};
  // How long sent bytes may stay unacknowledged before the connection is lost; 0: the kernel
  // decides.
  std::chrono::milliseconds tcp_user_timeout{5000};
  std::size_t max_response_bytes = 65536;  // of header and of body, each
  // Whom an https upstream is verified by, and our own certificate; nullptr: the system's
  // authorities, and none. Outlives the client.
  const ClientTls* tls = nullptr;
};

enum class Method { kDelete, kGet };

// One request without a body. What it refers to is copied or used before Send() returns, except for
// `headers`.
struct AttemptRequest {
  Method method = Method::kDelete;
  const char* target = nullptr;          // path and query, well-formed
  std::span<const char* const> headers;  // further header lines; valid until the send is over
  std::chrono::milliseconds timeout{0};  // for everything, connecting included; at least 1 ms
  // Do not use a pooled connection: the last one was found dead.
  bool fresh_connection = false;
};

class AttemptObserver {
 public:
  // The send is over. The views in `result` are valid during this call only. May call Send().
  virtual void OnAttemptDone(const deletion::AttemptResult& result) = 0;

 protected:
  ~AttemptObserver() = default;
};

class HttpClient {
 public:
  explicit HttpClient(HttpClientOptions options);
  ~HttpClient();  // aborts what is in flight, without calling observers
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Begins a send. `observer` must live until OnAttemptDone() or Abort(). The request leaves in the
  // next RunReady().
  Transfer* Send(const AttemptRequest& request, AttemptObserver* observer);

  // Gives up a send; its observer is not called. True when something of the request may have left.
  bool Abort(Transfer* transfer);

  // Looks which sockets are ready, never waiting, for RunReady(). Returns how many.
  std::size_t Poll();

  // Serves the sockets that the last Poll() found, and what is due, and calls the observers of
  // sends that are over. True when anything was done.
  bool RunReady();

  // Readable when Poll() has something to find.
  [[nodiscard]] int poll_fd() const { return poll_.fd(); }

  // When RunReady() must be called even if `poll_fd` stays quiet; empty: never.
  [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> NextWakeUp() const;

  [[nodiscard]] std::size_t in_flight() const { return in_flight_; }
  // TCP connections since the start: attempted, and ended.
  [[nodiscard]] std::size_t connections_opened() const { return poll_.opened(); }
  [[nodiscard]] std::size_t connections_closed() const { return poll_.closed(); }

 private:
  Shard* ShardWithCapacity();
  void Release(Transfer* transfer);
  void CompleteFinished(Shard& shard);
  void CloseIdleShards(std::chrono::steady_clock::time_point now);

  const HttpClientOptions options_;
  SocketPoll poll_;
  std::span<const SocketPoll::Event> ready_;  // found by Poll()
  ShareHandle share_;                         // one DNS cache for all shards
  // libcurl walks a list of a multi's connections for each request. Many small multis keep that
  // list short: with one, the cost of a request doubles at a thousand in flight.
  std::vector<std::unique_ptr<Shard>> shards_;
  std::vector<std::unique_ptr<Transfer>> transfers_;
  std::vector<Transfer*> idle_transfers_;
  std::size_t in_flight_ = 0;
};

}  // namespace evalrun::http

#endif  // EVALRUN_REST_BACKEND_HTTP_HTTP_CLIENT_H_
