// File: group_commit.h
//
// Writes of many threads, committed together. A commit waits for the disk; writes that arrive
// meanwhile share the next one, so the disk's speed bounds the wait of a write and not their rate.
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

// Thread-safe. Owns the one connection that writes, and the one thread that uses it.
class GroupCommit {
 public:
  using Write = std::function<absl::Status(Database&)>;

  explicit GroupCommit(Database database);
  ~GroupCommit();  // after the last Run has returned
  GroupCommit(const GroupCommit&) = delete;
  GroupCommit& operator=(const GroupCommit&) = delete;

  // Runs `write` once, on the writing thread, after all writes before it and before all after it.
  // OK: what it did is on the disk. Any error, its own or the commit's: nothing of it was done.
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
