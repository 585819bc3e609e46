// SPDX-License-Identifier: Apache-2.0
//
// bare_grpc: a baseline with gRPC alone. A server with one thread on one completion queue responds
// to every DeleteEvalRun with OK immediately. It is started like a gateway, and ignores its flags.
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <vector>

#include <absl/synchronization/mutex.h>
#include <grpcpp/grpcpp.h>

#include "aymara/evals/v1/eval_run_service.grpc.pb.h"

namespace {

using Service = aymara::evals::v1::EvalRunService::WithRawMethod_DeleteEvalRun<
    aymara::evals::v1::EvalRunService::Service>;

constexpr int kPendingRequests = 256;

class Call {
 public:
  Call(Service* service, grpc::ServerCompletionQueue* queue) : service_(service), queue_(queue) {}

  void RequestCall() {
    grpc_.emplace();
    responded_ = false;
    service_->RequestDeleteEvalRun(&grpc_->context, &grpc_->message, &grpc_->writer, queue_, queue_,
                                   this);
  }

  void OnComplete() {
    if (responded_) {
      RequestCall();
      return;
    }
    responded_ = true;
    static const grpc::Slice slice;
    static const grpc::ByteBuffer empty(&slice, 1);
    grpc_->writer.Finish(empty, grpc::Status::OK, this);
  }

 private:
  struct GrpcCall {
    grpc::ServerContext context;
    grpc::ServerAsyncResponseWriter<grpc::ByteBuffer> writer{&context};
    grpc::ByteBuffer message;
  };
  Service* service_;
  grpc::ServerCompletionQueue* queue_;
  std::optional<GrpcCall> grpc_;
  bool responded_ = false;
};

}  // namespace

int main() {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  // No cleanup is needed: it is stopped when there are no calls.
  std::signal(SIGTERM, [](int) { std::_Exit(0); });
  Service service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const auto queue = builder.AddCompletionQueue();
  const auto server = builder.BuildAndStart();
  std::vector<std::unique_ptr<Call>> calls;
  for (int i = 0; i < kPendingRequests; ++i) {
    calls.push_back(std::make_unique<Call>(&service, queue.get()));
    calls.back()->RequestCall();
  }
  std::cout << R"({"event":"listening","grpc":"127.0.0.1:)" << port << R"("})" << std::endl;
  void* tag = nullptr;
  for (bool ok = false; queue->Next(&tag, &ok);) static_cast<Call*>(tag)->OnComplete();
  return 0;
}
