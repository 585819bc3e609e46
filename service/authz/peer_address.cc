// SPDX-License-Identifier: Apache-2.0

#include "service/authz/peer_address.h"

#include <charconv>

namespace evalrun::authz {
namespace {

bool ConsumePrefix(std::string_view prefix, std::string_view* text) {
  if (!text->starts_with(prefix)) return false;
  text->remove_prefix(prefix.size());
  return true;
}

void ConsumeSuffix(std::string_view suffix, std::string_view* text) {
  if (text->ends_with(suffix)) text->remove_suffix(suffix.size());
}

}  // namespace

PeerAddress ParsePeerAddress(std::string_view peer) {
  std::string_view rest = peer;
  if (!ConsumePrefix("ipv4:", &rest) && !ConsumePrefix("ipv6:", &rest)) return {.address = peer};
  const std::size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos) return {.address = peer};
  PeerAddress split{.address = rest.substr(0, colon)};
  std::from_chars(rest.data() + colon + 1, rest.data() + rest.size(), split.port);
  if (ConsumePrefix("%5B", &split.address)) ConsumeSuffix("%5D", &split.address);
  if (ConsumePrefix("[", &split.address)) ConsumeSuffix("]", &split.address);
  return split;
}

}  // namespace evalrun::authz
