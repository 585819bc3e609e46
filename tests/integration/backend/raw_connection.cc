// SPDX-License-Identifier: Apache-2.0

#include "tests/integration/backend/raw_connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstddef>

#include <errno.h>
#include <gtest/gtest.h>

namespace evalrun::backend {
namespace {

// Whether the last response in `text` is complete, according to its head.
bool Complete(const std::string& text) {
  const std::size_t response = text.rfind("HTTP/1.1 ");
  const std::size_t head = text.find("\r\n\r\n", response);
  if (head == std::string::npos) return false;
  const std::size_t length = text.find("Content-Length: ", response);
  if (length == std::string::npos || length > head) return true;
  return text.size() >= head + 4 + std::stoul(text.substr(length + 16));
}

}  // namespace

RawConnection::RawConnection(int port) : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<in_port_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const timeval timeout{10, 0};
  setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
  EXPECT_EQ(connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
}

RawConnection::~RawConnection() { close(socket_); }

void RawConnection::Send(const std::string& bytes) const {
  send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

void RawConnection::FinishSending() const { shutdown(socket_, SHUT_WR); }

std::string RawConnection::ReadResponses(int count) const {
  std::string text;
  char c = 0;
  while (!(Count(text, "HTTP/1.1 ") >= count && Complete(text)) && recv(socket_, &c, 1, 0) == 1) {
    text += c;
  }
  return text;
}

std::string RawConnection::ReadToEnd() const {
  std::string text;
  for (;;) {
    char c = 0;
    const ssize_t count = recv(socket_, &c, 1, 0);
    if (count == 1) {
      text += c;
    } else if (count == 0) {
      return text + " FIN";
    } else {
      return text + (errno == ECONNRESET ? " RST" : " TIMEOUT");
    }
  }
}

bool RawConnection::IsSilentFor(std::chrono::milliseconds time) const {
  pollfd readable{socket_, POLLIN, 0};
  return poll(&readable, 1, static_cast<int>(time.count())) == 0;
}

int RawConnection::Count(const std::string& text, const std::string& part) {
  int count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

}  // namespace evalrun::backend
