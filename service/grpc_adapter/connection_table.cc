// SPDX-License-Identifier: Apache-2.0

#include "service/grpc_adapter/connection_table.h"

#include <optional>
#include <vector>

namespace evalrun::grpc_adapter {
namespace {

// At a limit, each further connection would check all others: so at most this often.
constexpr auto kMinCheckInterval = std::chrono::milliseconds(10);

}  // namespace

std::shared_ptr<Connection> ConnectionTable::Add(int socket) {
  Erase(socket);  // it has been closed
  auto connection = std::make_shared<Connection>(net::SocketRef(socket));
  const net::PeerName& name = connection->name();
  const auto reached = [&]() -> std::optional<ConnectionEnd> {
    if (by_socket_.size() >= limits_.max_connections) return ConnectionEnd::kMaxConnections;
    if (GetCount(name.host) >= limits_.max_per_peer) return ConnectionEnd::kMaxConnectionsPerPeer;
    return std::nullopt;
  };
  std::optional<ConnectionEnd> limit = reached();
  if (const Clock::time_point now = Clock::now();
      limit.has_value() && now - closed_erased_at_ >= kMinCheckInterval) {
    closed_erased_at_ = now;
    EraseClosed();
    limit = reached();
  }
  if (limit.has_value()) {
    reporter_.Report(*limit, name.uri);
    return nullptr;
  }
  // The same address and port with another address of ours: calls are told apart by the peer alone,
  // so the older connection is no longer found.
  by_uri_.erase(name.uri);
  by_uri_.emplace(name.uri, connection);
  by_socket_.emplace(socket, connection);
  ++per_host_[name.host];
  return connection;
}

std::shared_ptr<Connection> ConnectionTable::Find(std::string_view peer_uri) const {
  const auto found = by_uri_.find(peer_uri);
  return found == by_uri_.end() ? nullptr : found->second;
}

std::size_t ConnectionTable::CountOpen() {
  EraseClosed();
  return by_socket_.size();
}

std::size_t ConnectionTable::GetCount(const std::string& host) const {
  const auto found = per_host_.find(host);
  return found == per_host_.end() ? 0 : found->second;
}

void ConnectionTable::EraseClosed() {
  std::vector<int> closed;
  for (const auto& [socket, connection] : by_socket_) {
    if (!connection->socket().IsOpen()) closed.push_back(socket);
  }
  for (const int socket : closed) Erase(socket);
}

void ConnectionTable::Erase(int socket) {
  const auto found = by_socket_.find(socket);
  if (found == by_socket_.end()) return;
  const std::shared_ptr<Connection> connection = found->second;
  by_socket_.erase(found);
  if (const auto named = by_uri_.find(connection->name().uri);
      named != by_uri_.end() && named->second == connection) {
    by_uri_.erase(named);
  }
  const auto host = per_host_.find(connection->name().host);
  if (--host->second == 0) per_host_.erase(host);
}

}  // namespace evalrun::grpc_adapter
