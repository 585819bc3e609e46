// SPDX-License-Identifier: Apache-2.0
//
// File: group_commit.h
//
// Commits the writes of many threads together. A commit waits for the disk; writes that arrive
// meanwhile share the next one. So the disk's latency bounds the latency of a write, but not the
// number of writes per second.
#ifndef EVALRUN_REST_BACKEND_SERVER_GROUP_COMMIT_H_
#define EVALRUN_REST_BACKEND_SERVER_GROUP_COMMIT_H_

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include <absl/status/status.h>

#include "rest_backend/server/sqlite.h"

namespace evalrun::backend {

// Thread-safe. Owns the connection for writing and the only thread that uses it.
class GroupCommit {
 public:
  using Write = std::function<absl::Status(Database&)>;

  explicit GroupCommit(Database database);
  ~GroupCommit();  // must not run before the last Run() has returned
  GroupCommit(const GroupCommit&) = delete;
  GroupCommit& operator=(const GroupCommit&) = delete;

  // Runs `write` once on the writer thread. Writes are serialized. OK: its changes are durable. Any
  // error, from `write` or from the commit: it changed nothing.
  [[nodiscard]] absl::Status Run(const Write& write);

 private:
  struct Pending {
    const Write* write;
    absl::Status result;
    bool done = false;
    std::condition_variable finished;
  };

  void Loop();
  void CommitGroup(const std::vector<Pending*>& group);

  Database database_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<Pending*> waiting_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_GROUP_COMMIT_H_
