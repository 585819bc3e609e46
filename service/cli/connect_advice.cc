// SPDX-License-Identifier: Apache-2.0

#include "service/cli/connect_advice.h"

#include <fmt/format.h>

namespace evalrun::cli {
namespace {

// For a TLS connection that the server closed without an error: a server that requires a client
// certificate does this.
std::string ClosedTlsAdvice(const Tls& tls) {
  if (tls.cert_file.empty()) {
    return "The connection was closed while it was made secure: a server that asks for a "
           "certificate of the caller does that, so give one with --cert-file and --key-file";
  }
  return fmt::format(
      "The connection was closed while it was made secure: the server may not accept the "
      "certificate in --cert-file {}",
      tls.cert_file);
}

std::string UntrustedAdvice(const Tls& tls) {
  if (tls.ca_file.empty()) {
    return "The server's certificate is expired or signed by an authority that this system does "
           "not know: name the authority's certificate with --ca-file";
  }
  return fmt::format(
      "The server's certificate is expired or not signed by an authority in --ca-file {}",
      tls.ca_file);
}

}  // namespace

std::string ConnectAdvice(std::string_view error, const Connection& connection) {
  const auto says = [error](std::string_view words) {
    return error.find(words) != std::string_view::npos;
  };
  const std::string& server = connection.server;
  if (says("http1.x")) {
    return fmt::format(
        "What listens at {} speaks HTTP/1: it may be the gateway's port for metrics or a REST API. "
        "Name the gateway's gRPC port with --server",
        server);
  }
  // gRPC 1.51, and 1.83.
  if (says("DNS resolution failed") || says("errors resolving")) {
    return "Check the spelling of the host in --server: its name is not known";
  }
  if (says("refused")) {
    return fmt::format(
        "Nothing listens at {}: check that the gateway runs, or name another one with --server",
        server);
  }
  if (says("certificate verify failed") && connection.tls.has_value()) {
    return UntrustedAdvice(*connection.tls);
  }
  if (says("not in peer certificate")) {
    return "The server's certificate is for another name: if it is the gateway all the same, give "
           "the name in it with --server-name";
  }
  if (says("wrong version number")) {
    return fmt::format(
        "What listens at {} does not speak TLS: leave out --tls, or name a port that does", server);
  }
  if (says("Socket closed") || says("Connection reset")) {
    if (connection.tls.has_value()) return ClosedTlsAdvice(*connection.tls);
    return "The connection was closed before a word was said: if the server expects TLS, add --tls";
  }
  if (says("in time") || says("timed out") || says("Deadline")) {
    return fmt::format(
        "Nothing at {} responds: check the address and the network, or wait longer with "
        "--timeout",
        server);
  }
  return fmt::format("Check that the gateway runs at {}, or name another one with --server",
                     server);
}

}  // namespace evalrun::cli
