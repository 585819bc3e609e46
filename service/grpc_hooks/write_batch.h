// SPDX-License-Identifier: Apache-2.0
//
// File: write_batch.h
//
// gRPC 1.51 sends each response with a system call of its own, and each one wakes the caller's
// process. While a WriteBatch exists on a thread, what gRPC sends there stays in the kernel
// (MSG_MORE), and leaves as one segment for each connection when the batch ends. Nothing is kept in
// this process: the kernel has what gRPC was told is sent, and sends it even when the connection is
// closed meanwhile.
#ifndef EVALRUN_SERVICE_GRPC_HOOKS_WRITE_BATCH_H_
#define EVALRUN_SERVICE_GRPC_HOOKS_WRITE_BATCH_H_

namespace evalrun::grpc_hooks {

// For the thread that creates it and a short time: one iteration of a loop that does not block. Not
// nested.
class WriteBatch {
 public:
  WriteBatch();
  ~WriteBatch();
  WriteBatch(const WriteBatch&) = delete;
  WriteBatch& operator=(const WriteBatch&) = delete;
};

}  // namespace evalrun::grpc_hooks

#endif  // EVALRUN_SERVICE_GRPC_HOOKS_WRITE_BATCH_H_
