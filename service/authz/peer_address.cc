#include "service/authz/peer_address.h"

#include <charconv>

namespace evalrun::authz {
namespace {

bool Drop(std::string_view prefix, std::string_view* text) {
  if (!text->starts_with(prefix)) return false;
  text->remove_prefix(prefix.size());
  return true;
}

void DropEnd(std::string_view suffix, std::string_view* text) {
  if (text->ends_with(suffix)) text->remove_suffix(suffix.size());
}

}  // namespace

PeerAddress SplitPeer(std::string_view peer) {
  std::string_view rest = peer;
  if (!Drop("ipv4:", &rest) && !Drop("ipv6:", &rest)) return {.address = peer};
  const std::size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos) return {.address = peer};
  PeerAddress split{.address = rest.substr(0, colon)};
  std::from_chars(rest.data() + colon + 1, rest.data() + rest.size(), split.port);
  if (Drop("%5B", &split.address)) DropEnd("%5D", &split.address);
  if (Drop("[", &split.address)) DropEnd("]", &split.address);
  return split;
}

}  // namespace evalrun::authz
