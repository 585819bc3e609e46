// SPDX-License-Identifier: Apache-2.0

#include "service/observability/tls_handshake_failure.h"

#include <algorithm>

namespace evalrun::observability {
namespace {

bool ContainsAnyOf(std::string_view text, std::initializer_list<std::string_view> parts) {
  return std::ranges::any_of(
      parts, [text](std::string_view part) { return text.find(part) != std::string_view::npos; });
}

// By OpenSSL's reasons (openssl/sslerr.h). An alert was sent by the peer.
std::string_view Classify(std::string_view reason) {
  if (ContainsAnyOf(reason, {"peer did not return a certificate"})) return "no_client_certificate";
  if (ContainsAnyOf(reason, {"certificate verify failed"})) return "client_certificate_rejected";
  if (ContainsAnyOf(reason, {"protocol version", "unsupported protocol", "version too low",
                             "no protocols available"})) {
    return "protocol_version";
  }
  const bool is_alert = ContainsAnyOf(reason, {" alert "});
  if (is_alert && ContainsAnyOf(reason, {"unknown ca", "certificate"})) {
    return "server_certificate_rejected";
  }
  if (ContainsAnyOf(reason, {"no shared", "no suitable", "handshake failure"})) {
    return "no_shared_algorithm";
  }
  if (ContainsAnyOf(reason, {"http request", "https proxy request", "wrong version number",
                             "packet length too long", "unknown protocol"})) {
    return "not_tls";
  }
  if (ContainsAnyOf(reason, {"unexpected eof"})) return "disconnected";
  return "other";
}

}  // namespace

std::optional<TlsHandshakeFailure> ParseTlsHandshakeFailure(std::string_view line) {
  // gRPC 1.51, and newer.
  constexpr std::array<std::string_view, 2> kBegins = {"Handshake failed with fatal error ",
                                                       "Handshake failed with error "};
  const auto* begin = std::ranges::find_if(
      kBegins, [line](std::string_view text) { return line.starts_with(text); });
  if (begin == kBegins.end()) return std::nullopt;
  line.remove_prefix(begin->size());
  // `SSL_ERROR_SSL: error:0A00009C:SSL routines::http request.`
  const std::size_t colon = line.find(": ");
  if (colon != std::string_view::npos) line.remove_prefix(colon + 2);
  if (line.ends_with('.')) line.remove_suffix(1);
  return TlsHandshakeFailure{.cause = Classify(line), .message = line};
}

}  // namespace evalrun::observability
