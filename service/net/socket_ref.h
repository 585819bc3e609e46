// SPDX-License-Identifier: Apache-2.0
//
// File: socket_ref.h
//
// Refers to a connected socket that other code owns and may close at any time, on any thread.
#ifndef EVALRUN_SERVICE_NET_SOCKET_REF_H_
#define EVALRUN_SERVICE_NET_SOCKET_REF_H_

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>

namespace evalrun::net {

// The address of a peer, in the forms that are needed here.
struct PeerName {
  // As gRPC 1.51 writes it, with the port: `ipv4:192.0.2.1:5000`, `ipv6:%5B2001:db8::1%5D:5000`.
  std::string uri;
  // Whom its connections are counted for: the IPv4 address, or the first 64 bits of the IPv6
  // address, which is what one host can choose its addresses from.
  std::string host;
};

// Empty strings for what is neither IPv4 nor IPv6. IPv4 in IPv6 is IPv4.
[[nodiscard]] PeerName ToPeerName(const sockaddr_storage& address);

// The number of a socket is used again once it is closed, the kernel's cookie (SO_COOKIE) is not.
// Without cookies (kernels before 4.12, gVisor) the peer's address and port identify the socket.
// Thread-safe.
class SocketRef {
 public:
  SocketRef() = default;
  explicit SocketRef(int fd);

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] const sockaddr_storage& peer() const { return peer_; }

  // Whether the socket has not been closed yet.
  [[nodiscard]] bool IsOpen() const { return IsAt(fd_); }

  // Bytes that the owner of the socket has read from it. Empty when it is closed, or when the
  // kernel does not count them (TCP_INFO before Linux 4.1).
  [[nodiscard]] std::optional<std::uint64_t> BytesRead() const;

  // Ends the connection in both directions, and discards what has not been read. Its owner reads
  // the end of the stream and closes it, by a reset: nothing that is on its way is kept. False when
  // it is closed already.
  bool Abort() const;

 private:
  [[nodiscard]] bool IsAt(int fd) const;

  int fd_ = -1;
  std::uint64_t cookie_ = 0;  // 0: there are none
  sockaddr_storage peer_{};
};

}  // namespace evalrun::net

#endif  // EVALRUN_SERVICE_NET_SOCKET_REF_H_
