// SPDX-License-Identifier: Apache-2.0
//
// File: http_server.h
//
// cpp-httplib's server with what its defaults lack: long-lived and pipelined connections, 405 with
// `Allow`, a request id on every response, and a shutdown that loses no response.
#ifndef EVALRUN_REST_BACKEND_SERVER_HTTP_SERVER_H_
#define EVALRUN_REST_BACKEND_SERVER_HTTP_SERVER_H_

#include <atomic>
#include <cstddef>
#include <functional>
#include <regex>
#include <string>
#include <thread>
#include <vector>

#include <absl/status/statusor.h>
#include <httplib.h>

#include "rest_backend/server/connection.h"

namespace evalrun::backend {

// Intercepts requests before their route: see faults/. Called on many threads concurrently, on
// which Connection::Current() is the connection of the request.
class RequestInterceptor {
 public:
  using Handler = std::function<void(const httplib::Request&, httplib::Response&)>;

  RequestInterceptor() = default;
  virtual ~RequestInterceptor() = default;
  RequestInterceptor(const RequestInterceptor&) = delete;
  RequestInterceptor& operator=(const RequestInterceptor&) = delete;

  // The first bytes of a request have arrived, but none of them has been parsed. May drop the
  // connection.
  virtual void OnFirstByte() = 0;
  // Called instead of the route's handler, and may call it.
  virtual void OnRequest(const httplib::Request& request, httplib::Response& response,
                         const Handler& handler) = 0;
};

struct HttpServerOptions {
  // Maximum number of connections served at a time, each by a thread. Others wait until one ends.
  std::size_t connections = 512;
  std::size_t body_bytes = 8 * 1024 * 1024;  // longer bodies get 413
  ConnectionLimits limits;
  RequestInterceptor* interceptor = nullptr;  // not owned; must outlive the server
};

// Errors that are returned before a route is reached have the web framework's shape, `{"detail":
// "Not Found"}`, not the API's.
class HttpServer final : private httplib::Server {
 public:
  using Handler = RequestInterceptor::Handler;

  explicit HttpServer(const HttpServerOptions& options);
  ~HttpServer() override;  // calls Stop()

  // `method` is GET, POST, PUT or DELETE; `path` is a regular expression that must match the whole
  // decoded path. Call before Start(). The handler is called on many threads concurrently and sets
  // the response's status.
  void AddRoute(const std::string& method, const std::string& path, Handler handler);

  // Listens, and serves in the background. Port 0 selects a free port. Returns the port, or
  // UNAVAILABLE with a sentence that gives the cause.
  [[nodiscard]] absl::StatusOr<int> Start(const std::string& host, int port);

  // Stops accepting connections, closes idle ones, and returns when every request that has arrived
  // has its response. May be called more than once, but only from one thread.
  void Stop();

  // Whether Stop() has begun. Requests that arrive now are still passed to their routes.
  [[nodiscard]] bool draining() const { return draining_; }

 private:
  struct Route {
    std::string method;
    std::regex path;
  };

  bool process_and_close_socket(socket_t socket) override;
  template <typename AnyServer>
  static bool ProcessRequest(AnyServer& server, Connection& connection, bool& close_asked,
                             const std::function<void(httplib::Request&)>& on_head);
  HandlerResponse RejectUnroutable(const httplib::Request& request, httplib::Response& response);

  const HttpServerOptions options_;
  const int stop_event_;
  std::vector<Route> routes_;
  std::atomic<bool> draining_ = false;
  std::thread accepting_;
};

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_HTTP_SERVER_H_
