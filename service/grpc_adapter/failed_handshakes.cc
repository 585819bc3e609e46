// SPDX-License-Identifier: Apache-2.0

#include "service/grpc_adapter/failed_handshakes.h"

#include <algorithm>
#include <utility>

namespace evalrun::grpc_adapter {
namespace {

// nullptr when none is closed, or several are.
const Connection* FindOnlyClosed(const std::vector<std::shared_ptr<Connection>>& connections) {
  const Connection* closed = nullptr;
  for (const auto& connection : connections) {
    if (connection->socket().IsOpen()) continue;
    if (closed != nullptr) return nullptr;
    closed = connection.get();
  }
  return closed;
}

}  // namespace

void FailedHandshakes::Add(std::shared_ptr<Connection> connection, Clock::time_point now) {
  if (young_.size() == kMaxYoungConnections) young_.pop_front();
  young_.push_back({.connection = std::move(connection), .accepted_at = now});
}

void FailedHandshakes::OnFailure(OnIdentified on_identified, Clock::time_point now) {
  IdentifyUnambiguous();
  std::erase_if(young_, [&](const Young& young) {
    return now - young.accepted_at > handshake_timeout_ || young.connection->calls_arrived > 0 ||
           !young.connection->socket().IsOpen();
  });
  Failure failure{.candidates = {}, .on_identified = std::move(on_identified)};
  failure.candidates.reserve(young_.size());
  for (const Young& young : young_) failure.candidates.push_back(young.connection);
  failures_.push_back(std::move(failure));
}

void FailedHandshakes::Identify() {
  for (const Failure& failure : std::exchange(failures_, {})) {
    const Connection* const closed = FindOnlyClosed(failure.candidates);
    failure.on_identified(closed == nullptr ? nullptr : &closed->name());
  }
}

void FailedHandshakes::IdentifyUnambiguous() {
  std::erase_if(failures_, [](const Failure& failure) {
    const Connection* const closed = FindOnlyClosed(failure.candidates);
    if (closed == nullptr) return false;
    failure.on_identified(&closed->name());
    return true;
  });
}

}  // namespace evalrun::grpc_adapter
