// File: http_server.h
//
// cpp-httplib's server with the manners that its defaults lack: long-lived and pipelined
// connections, 405 with `Allow`, a request id on every answer, a stop that loses no answer.
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

// What may come between a request and its route: see faults/. Called on many threads at once, on
// which Connection::Current() is the request's own.
class RequestInterceptor {
 public:
  using Handler = std::function<void(const httplib::Request&, httplib::Response&)>;

  RequestInterceptor() = default;
  virtual ~RequestInterceptor() = default;
  RequestInterceptor(const RequestInterceptor&) = delete;
  RequestInterceptor& operator=(const RequestInterceptor&) = delete;

  // A request's first bytes are here, and none of them has been looked at. May end the connection.
  virtual void OnFirstByte() = 0;
  // In place of the route's handler, which it calls or does not.
  virtual void OnRequest(const httplib::Request& request, httplib::Response& response,
                         const Handler& handler) = 0;
};

struct HttpServerOptions {
  // Served at a time, each by a thread of its own. Further ones wait until one of these ends.
  std::size_t connections = 512;
  std::size_t body_bytes = 8 * 1024 * 1024;  // longer ones get 413
  ConnectionLimits limits;
  RequestInterceptor* interceptor = nullptr;  // not owned; must outlive the server
};

// Answers of its own have the web framework's shape, `{"detail": "Not Found"}`, rather than the
// API's: they are given before any route is reached.
class HttpServer final : private httplib::Server {
 public:
  using Handler = RequestInterceptor::Handler;

  explicit HttpServer(const HttpServerOptions& options);
  ~HttpServer() override;  // stops

  // `method` is GET, POST, PUT or DELETE, `path` a regular expression for the whole decoded path.
  // Before Start. The handler runs on many threads at once and sets the answer's status.
  void AddRoute(const std::string& method, const std::string& path, Handler handler);

  // Listens and serves in the background. Port 0 picks one. Returns the port, or an error whose
  // message is a sentence that says why not.
  [[nodiscard]] absl::StatusOr<int> Start(const std::string& host, int port);

  // Accepts no further connection, closes the idle ones, and returns when every request that had
  // arrived is answered. Safe to call twice, from one thread.
  void Stop();

  // Stop has begun. Requests that arrive now are still handed to their routes.
  [[nodiscard]] bool draining() const { return draining_; }

 private:
  struct Route {
    std::string method;
    std::regex path;
  };

  bool process_and_close_socket(socket_t socket) override;
  HandlerResponse RejectUnroutable(const httplib::Request& request, httplib::Response& response);

  const HttpServerOptions options_;
  const int stop_event_;
  std::vector<Route> routes_;
  std::atomic<bool> draining_ = false;
  std::thread accepting_;
};

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_HTTP_SERVER_H_
