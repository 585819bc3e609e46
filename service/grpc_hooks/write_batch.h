// File: write_batch.h
//
// gRPC 1.51 sends each answer by a system call of its own, and each wakes the caller's process.
// While a WriteBatch is in force on a thread, what gRPC sends there stays in the kernel (MSG_MORE),
// and what belongs to one connection leaves as one segment when the batch ends. Nothing is held
// back in this process: what gRPC was told is sent is the kernel's, and a connection that is closed
// meanwhile sends it first.
//
// There is no setting of gRPC for it, so this program stands before the C library's sendmsg(), as
// ELF lets a program do. What it saves is in service/README.md.
#ifndef EVALRUN_SERVICE_GRPC_HOOKS_WRITE_BATCH_H_
#define EVALRUN_SERVICE_GRPC_HOOKS_WRITE_BATCH_H_

namespace evalrun::grpc_hooks {

// Of the thread that makes it, and short: one round of an event loop that does not block. They do
// not nest.
class WriteBatch {
 public:
  WriteBatch();
  ~WriteBatch();
  WriteBatch(const WriteBatch&) = delete;
  WriteBatch& operator=(const WriteBatch&) = delete;
};

}  // namespace evalrun::grpc_hooks

#endif  // EVALRUN_SERVICE_GRPC_HOOKS_WRITE_BATCH_H_
