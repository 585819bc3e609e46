// SPDX-License-Identifier: Apache-2.0

#include "tests/support/scripted_upstream.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "tests/support/scripts.h"

namespace evalrun::testing {
namespace {

constexpr char kLoopback[] = "127.0.0.1";

[[noreturn]] void Throw(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

// A socket bound to this address, and its port.
std::pair<int, int> BoundSocket(const std::string& host, int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) Throw("socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) Throw("inet_pton");
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(fd, generic, size) != 0 || getsockname(fd, generic, &size) != 0) Throw("bind");
  return {fd, ntohs(address.sin_port)};
}

std::string MakeUrl(const std::string& host, int port) {
  return "http://" + host + ":" + std::to_string(port) + "/v2";
}

}  // namespace

ScriptedUpstream::ScriptedUpstream(Script script, Options options)
    : script_(std::move(script)),
      options_(std::move(options)),
      list_(options_.list ? options_.list : Respond(EmptyListReply())) {
  std::tie(listener_, port_) = BoundSocket(options_.host, options_.port);
  if (listen(listener_, options_.backlog) != 0) Throw("listen");
  acceptor_ = std::thread([this] { Accept(); });
}

ScriptedUpstream::~ScriptedUpstream() {
  stop_.Open();
  acceptor_.join();
  close(listener_);
  for (std::thread& thread : threads_) thread.join();
}

std::string ScriptedUpstream::url() const { return MakeUrl(options_.host, port_); }

void ScriptedUpstream::Accept() {
  for (;;) {
    std::array<pollfd, 2> fds = {{{stop_.fd(), POLLIN, 0}, {listener_, POLLIN, 0}}};
    if (poll(fds.data(), fds.size(), -1) < 0) continue;
    if (fds[0].revents != 0) return;
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    const int yes = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    const std::lock_guard lock(mutex_);
    const int number = connections_++;
    threads_.emplace_back([this, fd, number] { Serve(fd, number); });
    changed_.notify_all();
  }
}

void ScriptedUpstream::Serve(int fd, int number) {
  {
    UpstreamConnection connection(fd, number, &stop_);
    if (options_.on_connect) options_.on_connect(connection);
    while (connection.is_open()) {
      std::optional<ReceivedRequest> request = connection.Read();
      if (!request.has_value()) break;
      const bool is_list = request->method == "GET";
      {
        const std::lock_guard lock(mutex_);
        std::vector<ReceivedRequest>& requests = is_list ? list_requests_ : requests_;
        request->order = static_cast<int>(requests.size());
        requests.push_back(*request);
        changed_.notify_all();
      }
      (is_list ? list_ : script_)(*request, connection);
    }
  }
  const std::lock_guard lock(mutex_);
  ++closed_;
  changed_.notify_all();
}

std::vector<ReceivedRequest> ScriptedUpstream::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

std::vector<ReceivedRequest> ScriptedUpstream::list_requests() const {
  const std::lock_guard lock(mutex_);
  return list_requests_;
}

int ScriptedUpstream::connections() const {
  const std::lock_guard lock(mutex_);
  return connections_;
}

int ScriptedUpstream::closed_connections() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

bool ScriptedUpstream::WaitForRequests(size_t count, std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, timeout, [&] { return requests_.size() >= count; });
}

bool ScriptedUpstream::WaitForClosedConnections(int count, std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, timeout, [&] { return closed_ >= count; });
}

RefusingPort::RefusingPort() { std::tie(fd_, port_) = BoundSocket(kLoopback, 0); }

RefusingPort::~RefusingPort() { close(fd_); }

std::string RefusingPort::url() const { return MakeUrl(kLoopback, port_); }

UnresponsivePort::UnresponsivePort() {
  std::tie(fd_, port_) = BoundSocket(kLoopback, 0);
  if (listen(fd_, 0) != 0) Throw("listen");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port_));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (int& fd : queued_) {
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) Throw("socket");
    connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address));
  }
}

UnresponsivePort::~UnresponsivePort() {
  for (const int fd : queued_) close(fd);
  close(fd_);
}

std::string UnresponsivePort::url() const { return MakeUrl(kLoopback, port_); }

}  // namespace evalrun::testing
