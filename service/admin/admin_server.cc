// SPDX-License-Identifier: Apache-2.0

#include "service/admin/admin_server.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include <absl/status/status.h>
#include <microhttpd.h>

#include "service/admin/admin_response.h"
#include "service/net/listen_sockets.h"

namespace evalrun::admin {
namespace {

constexpr unsigned int kMaxConnections = 256;
// When there are more, the oldest is closed: a probe is served long before it is the oldest, and
// slow connections do not keep it out.
constexpr std::size_t kMaxOpenConnections = 192;
constexpr unsigned int kIdleTimeoutSeconds = 10;
constexpr std::size_t kConnectionMemoryBytes = 16384;

MHD_Result QueueResponse(MHD_Connection* connection, const AdminResponse& to_queue) {
  MHD_Response* response = MHD_create_response_from_buffer(
      to_queue.body.size(), const_cast<char*>(to_queue.body.data()), MHD_RESPMEM_MUST_COPY);
  if (response == nullptr) return MHD_NO;
  // No memory: a response without these headers is not sent. MHD_NO closes the connection.
  MHD_Result result = MHD_YES;
  const auto add_header = [&](const char* name, const std::string& value) {
    if (result == MHD_YES) result = MHD_add_response_header(response, name, value.c_str());
  };
  add_header("Content-Type", to_queue.content_type);
  add_header("Cache-Control", "no-store");
  add_header("X-Content-Type-Options", "nosniff");
  add_header("Referrer-Policy", "no-referrer");
  add_header("Content-Security-Policy", to_queue.content_security_policy);
  if (!to_queue.allow.empty()) add_header("Allow", to_queue.allow);
  if (result == MHD_YES) result = MHD_queue_response(connection, to_queue.status, response);
  MHD_destroy_response(response);
  return result;
}

// libmicrohttpd hands over a request in several calls, the first without any of its body.
MHD_Result OnRequest(void* sources, MHD_Connection* connection, const char* url, const char* method,
                     const char* /*version*/, const char* upload_data, std::size_t* upload_size,
                     void** request_state) {
  if (*request_state == nullptr) {
    *request_state = std::make_unique<std::string>().release();
    return MHD_YES;
  }
  auto& body = *static_cast<std::string*>(*request_state);
  if (*upload_size != 0) {
    body.append(upload_data, std::min(*upload_size, kMaxAdminBodyBytes + 1 - body.size()));
    *upload_size = 0;
    return MHD_YES;
  }
  return QueueResponse(connection, HandleAdminRequest({.method = method, .path = url, .body = body},
                                                      *static_cast<const AdminSources*>(sources)));
}

void OnRequestCompleted(void* /*unused*/, MHD_Connection* /*connection*/, void** request_state,
                        MHD_RequestTerminationCode /*why*/) {
  const std::unique_ptr<std::string> body(static_cast<std::string*>(*request_state));
  *request_state = nullptr;
}

}  // namespace

struct AdminServer::OpenConnections {
  std::mutex mutex;
  std::deque<int> sockets;  // oldest first; guarded by mutex

  static void OnChange(void* self, MHD_Connection* connection, void** /*unused*/,
                       MHD_ConnectionNotificationCode change) {
    auto& open = *static_cast<OpenConnections*>(self);
    const int socket =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    const std::lock_guard lock(open.mutex);
    if (change == MHD_CONNECTION_NOTIFY_CLOSED) {
      std::erase(open.sockets, socket);
      return;
    }
    open.sockets.push_back(socket);
    if (open.sockets.size() <= kMaxOpenConnections) return;
    shutdown(open.sockets.front(), SHUT_RDWR);  // libmicrohttpd closes it
    open.sockets.pop_front();
  }
};

AdminServer::AdminServer(AdminSources sources)
    : sources_(std::move(sources)), open_connections_(std::make_unique<OpenConnections>()) {}

void AdminServer::StopDaemon::operator()(MHD_Daemon* daemon) const { MHD_stop_daemon(daemon); }

AdminServer::~AdminServer() = default;

absl::StatusOr<std::unique_ptr<AdminServer>> AdminServer::Start(const std::string& host,
                                                                std::uint16_t port,
                                                                AdminSources sources) {
  absl::StatusOr<net::ListenSockets> listening = net::Listen(host, port);
  if (!listening.ok()) return listening.status();

  std::unique_ptr<AdminServer> server(new AdminServer(std::move(sources)));
  server->address_ = std::move(listening->address);
  for (net::UniqueFd& socket : listening->sockets) {
    // The port and the family of addresses are the socket's.
    MHD_Daemon* daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD, /*port=*/0, nullptr, nullptr, &OnRequest,
        const_cast<AdminSources*>(&server->sources_), MHD_OPTION_LISTEN_SOCKET, socket.get(),
        MHD_OPTION_CONNECTION_LIMIT, kMaxConnections, MHD_OPTION_CONNECTION_TIMEOUT,
        kIdleTimeoutSeconds, MHD_OPTION_CONNECTION_MEMORY_LIMIT, kConnectionMemoryBytes,
        MHD_OPTION_NOTIFY_CONNECTION, &OpenConnections::OnChange, server->open_connections_.get(),
        MHD_OPTION_NOTIFY_COMPLETED, &OnRequestCompleted, nullptr, MHD_OPTION_END);
    if (daemon == nullptr) return absl::InternalError("libmicrohttpd does not start");
    static_cast<void>(socket.Release());  // MHD_stop_daemon() closes it
    server->daemons_.emplace_back(daemon);
  }
  return server;
}

}  // namespace evalrun::admin
