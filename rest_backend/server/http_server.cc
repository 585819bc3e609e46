// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/server/http_server.h"

#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <set>
#include <utility>

#include <absl/status/status.h>
#include <errno.h>

#include "rest_backend/server/http_framing.h"
#include "rest_backend/server/text.h"
#include "rest_backend/server/unique_id.h"

namespace evalrun::backend {
namespace {

constexpr int kBacklog = 1024;

std::string_view ReasonPhrase(int status) {
  switch (status) {
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 413:
      return "Payload Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 431:
      return "Request Header Fields Too Large";
    default:
      return "Internal Server Error";
  }
}

// Adds the body of the vendor's web framework to the library's own errors, which have none.
void CompleteError(const httplib::Request&, httplib::Response& response) {
  if (!response.body.empty()) return;
  Connection& connection = *Connection::Current();
  if (connection.head_too_large()) response.status = 431;
  if (connection.timed_out()) response.status = 408;
  // The library uses 400 when it could not read a body to its end. Of one that is too large newer
  // versions read nothing.
  if (response.status == 400 || response.status == 408 || response.status == 413) {
    connection.CloseAfterResponse();
  }
  response.set_content(Concat(R"({"detail":")", ReasonPhrase(response.status), R"("})"),
                       "application/json");
}

// Completes the head of every response.
void CompleteHead(const httplib::Request& request, httplib::Response& response,
                  std::chrono::milliseconds idle) {
  Connection& connection = *Connection::Current();
  connection.OnResponseReady();
  if (connection.in_head()) {
    // The head could not be parsed, so neither the start of the next request nor the id is known.
    connection.CloseAfterResponse();
    response.set_header("x-request-id", NewUuid());
  } else {
    response.set_header("x-request-id", RequestId(request));
  }
  response.headers.erase("Accept-Ranges");
  response.headers.erase("Keep-Alive");
  response.headers.erase("Connection");
  if (response.status == 204) response.headers.erase("Content-Length");  // RFC 9110, 8.6
  if (connection.closes_after_response()) {
    response.set_header("Connection", "close");
  } else {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(idle);
    response.set_header("Keep-Alive", Concat("timeout=", std::to_string(seconds.count())));
  }
}

// Replaces the library's default SO_REUSEPORT, with which two backends could listen on the same
// port and receive each other's requests.
void ReuseAddress(socket_t socket) {
  const int on = 1;
  // If it fails, and the port was in use a moment ago, bind() reports that.
  setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
}

// 0: it could not be determined.
int GetLocalPort(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  if (getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  // The port has the same offset in both address families.
  return ntohs(reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
}

}  // namespace

HttpServer::HttpServer(const HttpServerOptions& options)
    : options_(options), stop_event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  new_task_queue = [this] { return new httplib::ThreadPool(options_.connections); };
  set_payload_max_length(options_.body_bytes);
  set_socket_options(ReuseAddress);
  set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
    return RejectUnroutable(request, response);
  });
  // If the request is going to be rejected, do not ask the client to send the body.
  set_expect_100_continue_handler([this](const httplib::Request& request,
                                         httplib::Response& response) {
    return RejectUnroutable(request, response) == HandlerResponse::Handled ? response.status : 100;
  });
  set_error_handler(httplib::Server::Handler(CompleteError));
  set_post_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
    CompleteHead(request, response, options_.limits.idle);
  });
  set_exception_handler(
      [](const httplib::Request&, httplib::Response& response, const std::exception_ptr&) {
        response = httplib::Response();
        response.status = 500;
      });
}

HttpServer::~HttpServer() {
  Stop();
  close(stop_event_);  // nothing to report
}

void HttpServer::AddRoute(const std::string& method, const std::string& path, Handler handler) {
  routes_.push_back({method, std::regex(path)});
  if (options_.interceptor != nullptr) {
    handler = [interceptor = options_.interceptor, real = std::move(handler)](
                  const httplib::Request& request, httplib::Response& response) {
      interceptor->OnRequest(request, response, real);
    };
  }
  handler = [inner = std::move(handler)](const httplib::Request& request,
                                         httplib::Response& response) {
    // Some versions of the library add the trailers of a chunked body to the header fields. Older
    // ones fail to read such a body; newer ones keep trailers apart, where nothing reads them.
    if (request.headers.size() == Connection::Current()->head_fields()) {
      inner(request, response);
    } else {
      response.status = 400;
    }
  };
  if (method == "GET")
    Get(path, std::move(handler));
  else if (method == "POST")
    Post(path, std::move(handler));
  else if (method == "PUT")
    Put(path, std::move(handler));
  else if (method == "DELETE")
    Delete(path, std::move(handler));
}

absl::StatusOr<int> HttpServer::Start(const std::string& host, int port) {
  if (stop_event_ < 0) return absl::ResourceExhaustedError("no descriptor for an eventfd");
  errno = 0;
  const bool bound = port == 0 ? bind_to_any_port(host) > 0 : bind_to_port(host, port);
  // With the library's backlog of 5, a burst of new connections would wait for SYN retransmissions,
  // which take a second.
  if (!bound || ::listen(svr_sock_, kBacklog) != 0) {
    return absl::UnavailableError(
        Concat("cannot listen on ", host, ":", std::to_string(port), ": ",
               errno != 0 ? std::strerror(errno) : "the host name cannot be resolved"));
  }
  const int real_port = GetLocalPort(svr_sock_);
  if (real_port == 0) return absl::InternalError("cannot tell the port");
  accepting_ = std::thread([this] { listen_after_bind(); });
  // stop() has no effect on a server that is not accepting yet.
  while (!is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return real_port;
}

void HttpServer::Stop() {
  if (!accepting_.joinable()) return;
  draining_ = true;
  // Fails only when the counter would overflow: it is written once.
  eventfd_write(stop_event_, 1);
  stop();
  accepting_.join();
}

// Before 0.12 cpp-httplib asked the stream for the addresses; later versions get them. A template,
// so that only the form that the installed version has is compiled.
template <typename AnyServer>
bool HttpServer::ProcessRequest(AnyServer& server, Connection& connection, bool& close_asked,
                                const std::function<void(httplib::Request&)>& on_head) {
  const bool closes = connection.closes_after_response();
  if constexpr (requires { server.process_request(connection, closes, close_asked, on_head); }) {
    return server.process_request(connection, closes, close_asked, on_head);
  } else {
    std::string peer;
    std::string own;
    int peer_port = 0;
    int own_port = 0;
    connection.get_remote_ip_and_port(peer, peer_port);
    connection.get_local_ip_and_port(own, own_port);
    return server.process_request(connection, peer, peer_port, own, own_port, closes, close_asked,
                                  on_head);
  }
}

bool HttpServer::process_and_close_socket(socket_t socket) {
  Connection connection(socket, stop_event_, options_.limits);
  while (!connection.closes_after_response() && connection.WaitForRequest()) {
    if (options_.interceptor != nullptr) options_.interceptor->OnFirstByte();
    if (connection.is_dropped()) break;
    if (draining_) connection.CloseAfterResponse();
    bool close_asked = false;
    const bool answered =
        ProcessRequest(*this, connection, close_asked, [&](httplib::Request& request) {
          if (RequestsClose(request)) connection.CloseAfterResponse();
          PrepareRequest(request);
          connection.OnHeadRead(request.headers.size());
        });
    if (!connection.Flush() || !answered || close_asked || connection.is_dropped()) break;
  }
  connection.Close();
  return true;
}

httplib::Server::HandlerResponse HttpServer::RejectUnroutable(const httplib::Request& request,
                                                              httplib::Response& response) {
  std::set<std::string> allowed;
  for (const Route& route : routes_) {
    if (std::regex_match(request.path, route.path)) allowed.insert(route.method);
  }
  const std::string_view problem = Connection::Current()->has_bare_line_feed()
                                       ? "a line ends without a carriage return"
                                       : FramingError(request);
  const bool routable = problem.empty() && allowed.contains(request.method);
  // A body that is not read must not be parsed as the next request.
  const bool body_is_read = routable && request.method != "GET";
  if (!problem.empty() || (HasBody(request) && !body_is_read)) {
    Connection::Current()->CloseAfterResponse();
  }
  if (routable) return HandlerResponse::Unhandled;

  if (!problem.empty()) {
    response.status = 400;
    response.set_content(Concat(R"({"detail":")", problem, R"("})"), "application/json");
  } else if (allowed.empty()) {
    response.status = 404;
  } else {
    std::string methods;
    for (const std::string& method : allowed) methods += (methods.empty() ? "" : ", ") + method;
    response.status = 405;
    response.set_header("Allow", methods);
  }
  return HandlerResponse::Handled;
}

}  // namespace evalrun::backend
