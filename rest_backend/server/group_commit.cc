// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/server/group_commit.h"

#include <utility>

namespace evalrun::backend {
namespace {

// Runs one write within the group's transaction, and undoes it if it fails.
absl::Status RunInSavepoint(const GroupCommit::Write& write, Database& database) {
  if (absl::Status begun = database.Execute("SAVEPOINT one_write"); !begun.ok()) return begun;
  absl::Status result = write(database);
  if (!result.ok()) {
    // On some errors SQLite rolls back the whole transaction, including the savepoint.
    if (!database.in_transaction()) return result;
    if (absl::Status undone = database.Execute("ROLLBACK TO one_write"); !undone.ok())
      return undone;
  }
  if (absl::Status released = database.Execute("RELEASE one_write"); !released.ok()) {
    return released;
  }
  return result;
}

}  // namespace

GroupCommit::GroupCommit(Database database)
    : database_(std::move(database)), thread_([this] { Loop(); }) {}

GroupCommit::~GroupCommit() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  arrived_.notify_one();
  thread_.join();
}

absl::Status GroupCommit::Run(const Write& write) {
  Pending pending;
  pending.write = &write;
  std::unique_lock lock(mutex_);
  waiting_.push_back(&pending);
  arrived_.notify_one();
  pending.finished.wait(lock, [&] { return pending.done; });
  return std::move(pending.result);
}

void GroupCommit::Loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    arrived_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    const std::vector<Pending*> group = std::exchange(waiting_, {});
    lock.unlock();
    CommitGroup(group);
    lock.lock();
    for (Pending* pending : group) {
      pending->done = true;
      pending->finished.notify_one();  // under the lock: the waiting thread destroys `pending`
    }
  }
}

void GroupCommit::CommitGroup(const std::vector<Pending*>& group) {
  absl::Status transaction = database_.Execute("BEGIN IMMEDIATE");
  if (transaction.ok()) {
    for (Pending* pending : group) {
      pending->result = RunInSavepoint(*pending->write, database_);
      // On some errors (disk full, I/O) SQLite rolls back the whole transaction. Later savepoints
      // would then commit individually, so the group ends here.
      if (!database_.in_transaction()) break;
    }
    transaction = database_.in_transaction()
                      ? database_.Execute("COMMIT")
                      : absl::InternalError("SQLite gave up the transaction of the group");
  }
  if (transaction.ok()) return;
  // A failed COMMIT may leave the transaction open; the next group needs a fresh one.
  if (database_.in_transaction()) database_.Execute("ROLLBACK").IgnoreError();
  for (Pending* pending : group) {
    if (pending->result.ok()) pending->result = transaction;
  }
}

}  // namespace evalrun::backend
