// SPDX-License-Identifier: Apache-2.0

#include "service/net/socket_ref.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#include <absl/strings/str_cat.h>

#include "service/net/unique_fd.h"

namespace evalrun::net {
namespace {

std::uint64_t GetCookie(int fd) {
  std::uint64_t cookie = 0;
  socklen_t size = sizeof(cookie);
  return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) == 0 ? cookie : 0;
}

bool GetPeer(int fd, sockaddr_storage* peer) {
  socklen_t size = sizeof(*peer);
  return getpeername(fd, reinterpret_cast<sockaddr*>(peer), &size) == 0;
}

PeerName ToPeerName(const in_addr& address, in_port_t port) {
  std::array<char, INET_ADDRSTRLEN> text{};
  inet_ntop(AF_INET, &address, text.data(), text.size());
  return {.uri = absl::StrCat("ipv4:", text.data(), ":", ntohs(port)), .host = text.data()};
}

}  // namespace

PeerName ToPeerName(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    const auto& ipv4 = reinterpret_cast<const sockaddr_in&>(address);
    return ToPeerName(ipv4.sin_addr, ipv4.sin_port);
  }
  if (address.ss_family != AF_INET6) return {};
  const auto& ipv6 = reinterpret_cast<const sockaddr_in6&>(address);
  if (IN6_IS_ADDR_V4MAPPED(&ipv6.sin6_addr)) {
    in_addr ipv4{};
    std::memcpy(&ipv4, &ipv6.sin6_addr.s6_addr[12], sizeof(ipv4));
    return ToPeerName(ipv4, ipv6.sin6_port);
  }
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(AF_INET6, &ipv6.sin6_addr, text.data(), text.size());
  const std::string scope =
      ipv6.sin6_scope_id == 0 ? std::string() : absl::StrCat("%25", ipv6.sin6_scope_id);
  in6_addr network = ipv6.sin6_addr;
  std::memset(&network.s6_addr[8], 0, 8);
  std::array<char, INET6_ADDRSTRLEN> network_text{};
  inet_ntop(AF_INET6, &network, network_text.data(), network_text.size());
  return {
      .uri = absl::StrCat("ipv6:%5B", text.data(), scope, "%5D:", ntohs(ipv6.sin6_port)),
      .host = absl::StrCat(network_text.data(), "/64"),
  };
}

SocketRef::SocketRef(int fd) : fd_(fd), cookie_(GetCookie(fd)) { GetPeer(fd, &peer_); }

bool SocketRef::IsAt(int fd) const {
  if (cookie_ != 0) return GetCookie(fd) == cookie_;
  sockaddr_storage peer{};
  return GetPeer(fd, &peer) && std::memcmp(&peer, &peer_, sizeof(peer)) == 0;
}

std::optional<std::uint64_t> SocketRef::BytesRead() const {
  tcp_info info{};
  socklen_t size = sizeof(info);
  int unread = 0;
  if (getsockopt(fd_, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 ||
      size < offsetof(tcp_info, tcpi_bytes_received) + sizeof(info.tcpi_bytes_received) ||
      ioctl(fd_, FIONREAD, &unread) != 0) {
    return std::nullopt;
  }
  // Last: a number that is still this socket's has been all the time.
  if (!IsOpen()) return std::nullopt;
  // What arrived between the two calls is unread, too, so that the result may be lower than before.
  const std::uint64_t received = info.tcpi_bytes_received;
  return received - std::min<std::uint64_t>(received, static_cast<std::uint64_t>(unread));
}

bool SocketRef::Abort() const {
  // On a duplicate: its number cannot become another socket's meanwhile.
  const UniqueFd duplicate(fcntl(fd_, F_DUPFD_CLOEXEC, 0));
  if (!duplicate.ok() || !IsAt(duplicate.get())) return false;
  const linger reset{.l_onoff = 1, .l_linger = 0};
  setsockopt(duplicate.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
  shutdown(duplicate.get(), SHUT_RDWR);  // it may have been, by the peer's reset
  constexpr std::size_t kAtOnce = 1 << 20;
  while (recv(duplicate.get(), nullptr, kAtOnce, MSG_DONTWAIT | MSG_TRUNC) > 0) {
  }
  return true;
}

}  // namespace evalrun::net
