// SPDX-License-Identifier: Apache-2.0
//
// File: connection_table.h
//
// The open connections of callers, and how many there may be.
#ifndef EVALRUN_SERVICE_GRPC_ADAPTER_CONNECTION_TABLE_H_
#define EVALRUN_SERVICE_GRPC_ADAPTER_CONNECTION_TABLE_H_

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include <absl/container/flat_hash_map.h>

#include "service/grpc_adapter/connection.h"
#include "service/grpc_adapter/connection_reporter.h"

namespace evalrun::grpc_adapter {

// gRPC does not say when it closes a connection. An entry whose socket is closed leaves when its
// number is used again, when a limit is reached, or when the connections are counted.
//
// Belongs to the event loop.
class ConnectionTable {
 public:
  using Clock = std::chrono::steady_clock;
  struct Limits {
    std::size_t max_connections;  // at least 1
    std::size_t max_per_peer;     // of one PeerName::host; at least 1
  };

  // `reporter` outlives this object.
  ConnectionTable(const Limits& limits, ConnectionReporter* reporter)
      : limits_(limits), reporter_(*reporter) {}
  ConnectionTable(const ConnectionTable&) = delete;
  ConnectionTable& operator=(const ConnectionTable&) = delete;

  // A connection that was just accepted. nullptr when a limit is reached, which is reported: close
  // it.
  std::shared_ptr<Connection> Add(int socket);

  // The connection of a call, by what gRPC calls its peer (PeerName::uri). nullptr: not known.
  [[nodiscard]] std::shared_ptr<Connection> Find(std::string_view peer_uri) const;

  // Checks every connection: some 0.3 us each.
  [[nodiscard]] std::size_t CountOpen();

 private:
  void EraseClosed();
  void Erase(int socket);
  [[nodiscard]] std::size_t GetCount(const std::string& host) const;

  const Limits limits_;
  ConnectionReporter& reporter_;
  absl::flat_hash_map<int, std::shared_ptr<Connection>> by_socket_;
  absl::flat_hash_map<std::string_view, std::shared_ptr<Connection>> by_uri_;  // keys in the values
  absl::flat_hash_map<std::string, std::size_t> per_host_;
  Clock::time_point closed_erased_at_;
};

}  // namespace evalrun::grpc_adapter

#endif  // EVALRUN_SERVICE_GRPC_ADAPTER_CONNECTION_TABLE_H_
