// SPDX-License-Identifier: Apache-2.0

#include "service/admin/admin_server.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include <absl/strings/str_cat.h>
#include <microhttpd.h>

#include "service/admin/admin_response.h"

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

absl::StatusOr<sockaddr_storage> Resolve(const std::string& host, std::uint16_t port,
                                         socklen_t* length) {
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.c_str(), absl::StrCat(port).c_str(), &hints, &found);
  if (error != 0) return absl::InvalidArgumentError(gai_strerror(error));
  sockaddr_storage address{};
  *length = found->ai_addrlen;
  std::copy_n(static_cast<const char*>(static_cast<void*>(found->ai_addr)), *length,
              static_cast<char*>(static_cast<void*>(&address)));
  freeaddrinfo(found);
  return address;
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
  socklen_t length = 0;
  absl::StatusOr<sockaddr_storage> address = Resolve(host, port, &length);
  if (!address.ok()) return address.status();
  const bool ipv6 = address->ss_family == AF_INET6;

  std::unique_ptr<AdminServer> server(new AdminServer(std::move(sources)));
  unsigned int flags = MHD_USE_EPOLL_INTERNAL_THREAD;
  if (ipv6) flags |= MHD_USE_IPv6;
  server->daemon_.reset(MHD_start_daemon(
      flags, /*port=*/0, nullptr, nullptr, &OnRequest, const_cast<AdminSources*>(&server->sources_),
      MHD_OPTION_SOCK_ADDR, &*address, MHD_OPTION_CONNECTION_LIMIT, kMaxConnections,
      MHD_OPTION_CONNECTION_TIMEOUT, kIdleTimeoutSeconds, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
      kConnectionMemoryBytes, MHD_OPTION_NOTIFY_CONNECTION, &OpenConnections::OnChange,
      server->open_connections_.get(), MHD_OPTION_NOTIFY_COMPLETED, &OnRequestCompleted, nullptr,
      MHD_OPTION_END));
  if (server->daemon_ == nullptr) {
    return absl::UnavailableError("cannot listen there; is the port taken?");
  }
  const MHD_DaemonInfo* info =
      MHD_get_daemon_info(server->daemon_.get(), MHD_DAEMON_INFO_BIND_PORT);
  if (info == nullptr || info->port == 0) return absl::InternalError("cannot tell the port");
  server->address_ =
      ipv6 ? absl::StrCat("[", host, "]:", info->port) : absl::StrCat(host, ":", info->port);
  return server;
}

}  // namespace evalrun::admin
