// SPDX-License-Identifier: Apache-2.0

#include "service/grpc_hooks/hooks.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <dlfcn.h>

#include "service/grpc_hooks/c_library.h"
#include "service/grpc_hooks/polled_queue.h"
#include "service/grpc_hooks/read_budget.h"
#include "service/grpc_hooks/receive_queues.h"
#include "service/grpc_hooks/write_batch.h"
#include "service/net/unique_fd.h"

namespace evalrun::grpc_hooks {
namespace {

using net::UniqueFd;

constexpr const char* kGrpcVersion = "1.51.";
// What a connection gives in one quantum: about thirty calls.
constexpr std::size_t kReadQuantum = 4096;

// Both ends of a TCP connection over the loopback interface.
absl::Status Connect(UniqueFd* sender, UniqueFd* receiver) {
  const auto failed = [](const char* call) { return absl::ErrnoToStatus(errno, call); };
  const UniqueFd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (!listener.ok()) return failed("socket");
  if (bind(listener.get(), generic, size) != 0) return failed("bind");
  if (listen(listener.get(), 1) != 0) return failed("listen");
  if (getsockname(listener.get(), generic, &size) != 0) return failed("getsockname");
  *sender = UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  // A firewall may drop what goes over the loopback interface.
  constexpr timeval kTimeout{.tv_sec = 1, .tv_usec = 0};
  if (!sender->ok() ||
      setsockopt(sender->get(), SOL_SOCKET, SO_SNDTIMEO, &kTimeout, sizeof(kTimeout)) != 0) {
    return failed("socket");
  }
  if (connect(sender->get(), generic, size) != 0) return failed("connect");
  *receiver = UniqueFd(accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  return receiver->ok() ? absl::OkStatus() : failed("accept4");
}

// Whether SO_RCVLOWAT makes an edge-triggered epoll report bytes that it has reported before.
absl::Status VerifyKernel() {
  UniqueFd sender;
  UniqueFd receiver;
  if (absl::Status status = Connect(&sender, &receiver); !status.ok()) return status;
  const UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  constexpr int kTimeoutMs = 1000;
  const auto is_reported = [&](int timeout_ms) {
    epoll_event reported{};
    return epoll_wait(epoll.get(), &reported, 1, timeout_ms) == 1;
  };
  const int one_byte = 1;
  if (!epoll.ok() || epoll_ctl(epoll.get(), EPOLL_CTL_ADD, receiver.get(), &event) != 0 ||
      send(sender.get(), "x", 1, MSG_NOSIGNAL) != 1 || !is_reported(kTimeoutMs) || is_reported(0) ||
      setsockopt(receiver.get(), SOL_SOCKET, SO_RCVLOWAT, &one_byte, sizeof(one_byte)) != 0 ||
      !is_reported(0)) {
    return absl::FailedPreconditionError(
        "the kernel does not report an edge-triggered socket again when SO_RCVLOWAT is set");
  }
  return absl::OkStatus();
}

absl::Status VerifySymbols() {
#ifndef EVALRUN_STATIC_GRPC  // gRPC in an archive is bound to this folder's functions by the linker
  const std::array<std::pair<const char*, const void*>, 3> symbols = {{
      {"epoll_wait", reinterpret_cast<const void*>(&::epoll_wait)},
      {"recvmsg", reinterpret_cast<const void*>(&::recvmsg)},
      {"sendmsg", reinterpret_cast<const void*>(&::sendmsg)},
  }};
  for (const auto& [name, ours] : symbols) {
    if (!c_library::ResolvesTo(name, ours)) {
      return absl::FailedPreconditionError(
          absl::StrCat(name, "() is not the gateway's: another library is preloaded before it"));
    }
  }
#endif
  if (!PolledQueue::GrpcCallsEpollWait()) {
    return absl::FailedPreconditionError("gRPC's poller does not call epoll_wait() of the gateway");
  }
  return absl::OkStatus();
}

class HookedPoller final : public event_loop::CompletionPoller {
 public:
  HookedPoller(std::unique_ptr<grpc::ServerCompletionQueue> queue, int fd, void* fd_tag,
               std::chrono::nanoseconds max_receive_wait)
      : queue_(std::move(queue), fd, fd_tag), receive_queues_(max_receive_wait) {}

  void BindToThread() override { read_budget_.emplace(kReadQuantum, &receive_queues_); }
  void UnbindFromThread() override { read_budget_.reset(); }
  Status TryNext(void** tag, bool* ok) override { return queue_.TryNext(tag, ok); }
  Status Wait(void** tag, bool* ok) override {
    return queue_.Wait(tag, ok, gpr_inf_future(GPR_CLOCK_MONOTONIC));
  }
  void BeginResponses() override { write_batch_.emplace(); }
  void EndResponses() override { write_batch_.reset(); }
  void Shutdown() override { queue_.Shutdown(); }
  [[nodiscard]] grpc::ServerCompletionQueue* queue() override { return queue_.get(); }
  [[nodiscard]] std::uint64_t connections_shed() const override { return receive_queues_.ended(); }

 private:
  PolledQueue queue_;
  ReceiveQueues receive_queues_;
  std::optional<ReadBudget> read_budget_;
  std::optional<WriteBatch> write_batch_;
};

}  // namespace

void SelectEpollPoller() { PolledQueue::SelectEpollPoller(); }

absl::Status Verify(const std::string& grpc_version) {
  if (!absl::StartsWith(grpc_version, kGrpcVersion)) {
    return absl::FailedPreconditionError(
        absl::StrCat("gRPC is ", grpc_version, ", not ", kGrpcVersion, "x"));
  }
  if (PolledQueue::exists()) return absl::FailedPreconditionError("they are in use already");
  if (absl::Status status = VerifySymbols(); !status.ok()) return status;
  return VerifyKernel();
}

std::unique_ptr<event_loop::CompletionPoller> MakePoller(
    std::unique_ptr<grpc::ServerCompletionQueue> queue, int fd, void* fd_tag,
    std::chrono::nanoseconds max_receive_wait) {
  return std::make_unique<HookedPoller>(std::move(queue), fd, fd_tag, max_receive_wait);
}

}  // namespace evalrun::grpc_hooks
