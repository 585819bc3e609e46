// SPDX-License-Identifier: Apache-2.0

#include "service/net/listen_sockets.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

namespace evalrun::net {
namespace {

// When the first address gets a free port that is taken at another address.
constexpr int kMaxPortAttempts = 16;

struct FreeAddresses {
  void operator()(addrinfo* addresses) const { freeaddrinfo(addresses); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

std::string JoinHostPort(const std::string& host, std::uint16_t port) {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return absl::StrCat(is_ipv6 ? "[" : "", host, is_ipv6 ? "]:" : ":", port);
}

std::string ToString(const addrinfo& address, std::uint16_t port) {
  std::array<char, NI_MAXHOST> host{};
  if (getnameinfo(address.ai_addr, address.ai_addrlen, host.data(), host.size(), nullptr, 0,
                  NI_NUMERICHOST) != 0) {
    return absl::StrCat("port ", port);
  }
  return JoinHostPort(host.data(), port);
}

// Of an IPv4 or IPv6 address; both have the port at the same place.
in_port_t& Port(sockaddr* address) { return reinterpret_cast<sockaddr_in*>(address)->sin_port; }

struct Failure {
  const char* call;
  int error;
};

// -1 and `failure`, or the socket.
UniqueFd ListenOn(const addrinfo& address, Failure* failure) {
  const auto failed = [failure](const char* call) {
    *failure = {call, errno};
    return UniqueFd();
  };
  UniqueFd fd(socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.ok()) return failed("socket");
  const int on = 1;
  if (setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0) {
    return failed("setsockopt");
  }
  if (address.ai_family == AF_INET6) {
    const auto& ip = reinterpret_cast<const sockaddr_in6*>(address.ai_addr)->sin6_addr;
    const int v6_only = IN6_IS_ADDR_UNSPECIFIED(&ip) ? 0 : 1;
    if (setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof(v6_only)) != 0) {
      return failed("setsockopt");
    }
  }
  if (bind(fd.get(), address.ai_addr, address.ai_addrlen) != 0) return failed("bind");
  if (listen(fd.get(), SOMAXCONN) != 0) return failed("listen");
  return fd;
}

absl::StatusOr<std::uint16_t> GetPort(int fd) {
  sockaddr_storage bound{};
  socklen_t size = sizeof(bound);
  auto* generic = reinterpret_cast<sockaddr*>(&bound);
  if (getsockname(fd, generic, &size) != 0) return absl::ErrnoToStatus(errno, "getsockname");
  return ntohs(Port(generic));
}

// This machine has no such address, or no such protocol.
bool IsMissingAddress(int error) { return error == EADDRNOTAVAIL || error == EAFNOSUPPORT; }

absl::Status ToStatus(const addrinfo& address, std::uint16_t port, const Failure& failure) {
  return absl::UnavailableError(absl::StrCat("cannot listen on ", ToString(address, port), ": ",
                                             failure.call, ": ", std::strerror(failure.error)));
}

}  // namespace

absl::StatusOr<ListenSockets> Listen(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.c_str(), "0", &hints, &found);
  if (error != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot find the addresses of ", host, ": ",
                     error == EAI_SYSTEM ? std::strerror(errno) : gai_strerror(error)));
  }
  const Addresses addresses(found);

  for (int attempt = 1;; ++attempt) {
    ListenSockets result{.sockets = {}, .port = port, .address = {}};
    absl::Status missing;
    bool is_taken = false;
    for (addrinfo* address = addresses.get(); address != nullptr; address = address->ai_next) {
      Port(address->ai_addr) = htons(result.port);
      Failure failure{};
      UniqueFd fd = ListenOn(*address, &failure);
      if (!fd.ok()) {
        absl::Status status = ToStatus(*address, result.port, failure);
        is_taken = failure.error == EADDRINUSE && port == 0 && attempt < kMaxPortAttempts;
        if (is_taken) break;
        if (!IsMissingAddress(failure.error)) return status;
        missing = std::move(status);
        continue;
      }
      if (result.port == 0) {
        const absl::StatusOr<std::uint16_t> picked = GetPort(fd.get());
        if (!picked.ok()) return picked.status();
        result.port = *picked;
      }
      result.sockets.push_back(std::move(fd));
    }
    if (is_taken) continue;
    if (result.sockets.empty()) return missing;
    result.address = JoinHostPort(host, result.port);
    return result;
  }
}

}  // namespace evalrun::net
