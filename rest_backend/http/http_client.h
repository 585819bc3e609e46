// SPDX-License-Identifier: Apache-2.0
//
// File: http_client.h
//
// Sends DELETE and GET requests to one upstream and reports their results. libcurl's multi
// interface does the HTTP; this class gives it sockets, timers and limits.
//
//   HttpClient client(options);
//   client.Send({.target = "/v2/eval-runs/...", .headers = {...}, .timeout = 5s}, &observer);
//   for (;;) {
//     ... wait until client.poll_fd() is readable or client.NextWakeUp() is reached ...
//     client.Poll();
//     client.RunReady();  // calls observers
//   }
//
// Guarantees:
// * One Send() is at most one request on the wire. libcurl by itself sends a request again when a
//   reused connection ends before the first byte of a response; that is suppressed and reported as
//   a lost connection.
// * An https upstream is verified, its name included, and speaks TLS 1.2 or later.
// * Redirects are not followed, nothing is decompressed, and of no response more than the
// configured
//   number of bytes is read.
// * No call blocks. The name of the upstream, or of its proxy, is looked up in the background
//   (dns/background_resolver.h) and libcurl is given its addresses. Attempts wait for the first
//   addresses within their timeouts; later ones use those that are known.
// * A caller that leaves costs no connection: once a request may have been sent, its response is
//   awaited for another second, and the connection is then used again. Otherwise callers that
//   cancel, or have short deadlines, would make the upstream accept a connection for each call.
//
// Not thread-safe.
#ifndef EVALRUN_REST_BACKEND_HTTP_HTTP_CLIENT_H_
#define EVALRUN_REST_BACKEND_HTTP_HTTP_CLIENT_H_

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "rest_backend/dns/background_resolver.h"
#include "rest_backend/http/curl_handle.h"
#include "rest_backend/http/endpoint.h"
#include "rest_backend/http/http_attempt.h"
#include "rest_backend/http/pinned_addresses.h"
#include "rest_backend/http/socket_poll.h"

namespace evalrun::http {

class Shard;
class Transfer;

class HttpClient {
 public:
  explicit HttpClient(HttpClientOptions options);
  ~HttpClient();  // aborts what is in flight, without calling observers
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Begins an attempt. `observer` must live until OnAttemptDone() or Abort(). The request leaves in
  // the next RunReady(), or when the name has been looked up. An attempt that cannot begin ends
  // there too, with nothing sent: with Fault::kInternal when libcurl refuses it, and with
  // Fault::kResolve when no address is known and the lookup has failed.
  Transfer* Send(const AttemptRequest& request, AttemptObserver* observer);

  // Gives up an attempt; its observer is not called. True when a part of the request may have been
  // sent.
  bool Abort(Transfer* transfer);

  // Ends an attempt whose timeout has passed: calls its observer before it returns.
  void Expire(Transfer* transfer);

  // Finds out which sockets are ready, without waiting, for RunReady(). Returns how many.
  std::size_t Poll();

  // Handles the sockets that the last Poll() found and the timers that are due, and calls the
  // observers of finished attempts. True when anything was done.
  bool RunReady();

  // Readable when a socket is ready.
  [[nodiscard]] int poll_fd() const { return poll_.fd(); }

  // When RunReady() must be called even if no socket is ready; empty: never.
  [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> NextWakeUp() const;

  // Attempts that have been begun and not ended, abandoned ones included.
  [[nodiscard]] std::size_t in_flight() const { return in_flight_; }
  // TCP connections since the start: attempted, and ended.
  [[nodiscard]] std::size_t connections_opened() const { return poll_.opened(); }
  [[nodiscard]] std::size_t connections_closed() const { return poll_.closed(); }

 private:
  // That RunReady() ends without libcurl.
  struct NotStarted {
    Transfer* transfer;
    deletion::Fault fault;
  };
  // Whose observer has been called, or will not be, and whose response is still awaited.
  struct AbandonedAttempt {
    Transfer* transfer;
    std::chrono::steady_clock::time_point end;  // when its connection is closed
  };

  Shard* ShardWithCapacity();
  void Start(Transfer* transfer, bool has_waited);
  void Forget(Transfer* transfer);
  // Whether OnLookup() will be called without a further request.
  bool IsLookupPending();
  void OnLookup();
  void UseAddresses(const std::vector<std::string>& addresses);
  bool EndLateLookups(std::chrono::steady_clock::time_point now);
  bool EndLateAbandoned(std::chrono::steady_clock::time_point now);
  // Nobody waits for the response any more: releases the attempt, at once or with the response.
  void Abandon(Transfer* transfer);
  void Release(Transfer* transfer);
  void CompleteFinished(Shard& shard);
  // True when there was any.
  bool CompleteNotStarted();
  void CloseIdleShards(std::chrono::steady_clock::time_point now);

  const HttpClientOptions options_;
  const Endpoint endpoint_;  // that connections are made to
  SocketPoll poll_;
  std::unique_ptr<dns::BackgroundResolver> resolver_;  // nullptr: not a name
  std::shared_ptr<const dns::Resolution> resolution_;  // that OnLookup() has seen last
  std::shared_ptr<const PinnedAddresses> addresses_;   // nullptr: none known, or not a name
  std::span<const SocketPoll::Event> ready_;           // found by Poll()
  ShareHandle share_;                                  // one DNS cache for all shards
  // libcurl walks the list of a multi handle's connections for each request. Many small multi
  // handles keep it short: with one, the cost of a request doubles at a thousand in flight.
  std::vector<std::unique_ptr<Shard>> shards_;
  absl::flat_hash_map<Transfer*, std::unique_ptr<Transfer>> transfers_;
  std::vector<Transfer*> idle_transfers_;
  std::deque<Transfer*> waiting_;  // for the first addresses, oldest first
  std::vector<NotStarted> not_started_;
  std::deque<AbandonedAttempt> abandoned_;  // oldest first
  std::size_t in_flight_ = 0;
};

}  // namespace evalrun::http

#endif  // EVALRUN_REST_BACKEND_HTTP_HTTP_CLIENT_H_
