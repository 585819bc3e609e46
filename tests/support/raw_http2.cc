// SPDX-License-Identifier: Apache-2.0

#include "tests/support/raw_http2.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>

#include "tests/support/delete_client.h"

namespace evalrun::testing {
namespace {

// RFC 9113, section 6.
constexpr uint8_t kData = 0x0;
constexpr uint8_t kHeaders = 0x1;
constexpr uint8_t kResetStream = 0x3;
constexpr uint8_t kSettings = 0x4;
constexpr uint8_t kGoAway = 0x7;
constexpr uint8_t kEndStream = 0x1;
constexpr uint8_t kEndHeaders = 0x4;
constexpr uint32_t kStream = 1;
constexpr size_t kFrameHeader = 9;

std::string BigEndian(uint32_t value, int bytes) {
  std::string out;
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) {
    out += static_cast<char>((value >> shift) & 0xff);
  }
  return out;
}

std::string Frame(uint8_t type, uint8_t flags, uint32_t stream, std::string_view payload) {
  std::string frame = BigEndian(static_cast<uint32_t>(payload.size()), 3);
  frame.append({static_cast<char>(type), static_cast<char>(flags)});
  return frame.append(BigEndian(stream, 4)).append(payload);
}

// RFC 7541, section 5.1: an integer with a prefix of 7 bits, the first bit 0 (no Huffman coding).
std::string HpackString(std::string_view text) {
  std::string out;
  size_t rest = text.size();
  if (rest < 127) {
    out += static_cast<char>(rest);
  } else {
    out += '\x7f';
    for (rest -= 127; rest >= 128; rest /= 128) out += static_cast<char>(rest % 128 + 128);
    out += static_cast<char>(rest);
  }
  return out.append(text);
}

// Section 6.2.2: a literal header without indexing, with a new name.
std::string HpackHeader(std::string_view name, std::string_view value) {
  return std::string(1, '\0') + HpackString(name) + HpackString(value);
}

int Connect(const std::string& address) {
  const size_t colon = address.rfind(':');
  sockaddr_in peer{};
  peer.sin_family = AF_INET;
  peer.sin_port = htons(static_cast<uint16_t>(std::stoi(address.substr(colon + 1))));
  inet_pton(AF_INET, address.substr(0, colon).c_str(), &peer.sin_addr);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && connect(fd, reinterpret_cast<const sockaddr*>(&peer), sizeof(peer)) != 0) {
    close(fd);
    return -1;
  }
  return fd;
}

// Removes complete frames from `bytes`. Returns whether one of them ends the call.
bool ConsumeFrames(std::string* bytes) {
  while (bytes->size() >= kFrameHeader) {
    const auto at = [&](size_t i) { return static_cast<uint8_t>((*bytes)[i]); };
    const size_t length = (size_t{at(0)} << 16) | (size_t{at(1)} << 8) | at(2);
    const uint8_t type = at(3);
    const uint8_t flags = at(4);
    if (type == kGoAway || type == kResetStream) return true;
    if ((type == kHeaders || type == kData) && (flags & kEndStream) != 0) return true;
    if (bytes->size() < kFrameHeader + length) return false;
    bytes->erase(0, kFrameHeader + length);
  }
  return false;
}

bool WaitForEnd(int fd) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  std::string received;
  std::array<char, 4096> buffer{};
  while (std::chrono::steady_clock::now() < deadline) {
    pollfd readable = {fd, POLLIN, 0};
    if (poll(&readable, 1, 1000) <= 0) continue;
    const ssize_t count = recv(fd, buffer.data(), buffer.size(), 0);
    if (count <= 0) return true;
    received.append(buffer.data(), static_cast<size_t>(count));
    if (ConsumeFrames(&received)) return true;
  }
  return false;
}

}  // namespace

bool CallOverRawHttp2(const std::string& address, const std::string& message,
                      const std::vector<std::pair<std::string, std::string>>& headers) {
  std::string block = HpackHeader(":method", "POST") + HpackHeader(":scheme", "http") +
                      HpackHeader(":path", kDeleteMethod) + HpackHeader(":authority", address) +
                      HpackHeader("te", "trailers") +
                      HpackHeader("content-type", "application/grpc");
  for (const auto& [name, value] : headers) block += HpackHeader(name, value);
  const std::string body =
      std::string(1, '\0') + BigEndian(static_cast<uint32_t>(message.size()), 4) + message;
  const std::string bytes = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + Frame(kSettings, 0, 0, "") +
                            Frame(kHeaders, kEndHeaders, kStream, block) +
                            Frame(kData, kEndStream, kStream, body);
  const int fd = Connect(address);
  if (fd < 0) return false;
  const bool sent =
      send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
  const bool ended = sent && WaitForEnd(fd);
  close(fd);
  return ended;
}

}  // namespace evalrun::testing
