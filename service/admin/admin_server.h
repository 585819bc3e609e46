// SPDX-License-Identifier: Apache-2.0
//
// File: admin_server.h
//
// The HTTP port for monitoring and operators, apart from the gRPC port. Each listening socket has
// one thread, which serves all connections with epoll, so that slow clients cannot delay a probe.
#ifndef EVALRUN_SERVICE_ADMIN_ADMIN_SERVER_H_
#define EVALRUN_SERVICE_ADMIN_ADMIN_SERVER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <absl/status/statusor.h>

#include "service/admin/source_functions.h"

struct MHD_Daemon;

namespace evalrun::admin {

class AdminServer {
 public:
  // Listens on `host`, an IP address or a name, and `port` by the rules of net::Listen(); 0 picks a
  // port. The sources are called from the server's own threads, by several at once, until it is
  // destroyed.
  static absl::StatusOr<std::unique_ptr<AdminServer>> Start(const std::string& host,
                                                            std::uint16_t port,
                                                            AdminSources sources);
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  // `127.0.0.1:9090`, `[::1]:9090`: with the port that was picked.
  [[nodiscard]] const std::string& address() const { return address_; }

 private:
  struct StopDaemon {
    void operator()(MHD_Daemon* daemon) const;
  };

  struct OpenConnections;

  explicit AdminServer(AdminSources sources);

  const AdminSources sources_;
  std::string address_;
  const std::unique_ptr<OpenConnections> open_connections_;
  // One for each listening socket. Last: their threads use the others.
  std::vector<std::unique_ptr<MHD_Daemon, StopDaemon>> daemons_;
};

}  // namespace evalrun::admin

#endif  // EVALRUN_SERVICE_ADMIN_ADMIN_SERVER_H_
