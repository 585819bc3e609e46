// SPDX-License-Identifier: Apache-2.0

#include "service/grpc_hooks/hooks.h"

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>

#include <gmock/gmock.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include "service/grpc_hooks/accepted_sockets.h"
#include "service/grpc_hooks/write_batch.h"
#include "tests/support/grpc_version.h"

namespace evalrun::grpc_hooks {
namespace {

using ::testing::HasSubstr;

TEST(VerifyTest, AcceptsThisProcess) {
  SKIP_WITHOUT_GRPC_HOOKS();
  EXPECT_EQ(Verify(), absl::OkStatus());
}

TEST(VerifyTest, RejectsOtherVersionsOfGrpc) {
  for (const char* version : {"1.50.0", "1.52.0", "1.83.0", "1.510.0", ""}) {
    EXPECT_THAT(std::string(Verify(version).message()), HasSubstr("gRPC is ")) << version;
  }
}

TEST(VerifyTest, RejectsASecondPoller) {
  SKIP_WITHOUT_GRPC_HOOKS();
  const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  int tag = 0;
  grpc::ServerBuilder builder;
  auto poller = MakePoller(builder.AddCompletionQueue(), fd, &tag, std::chrono::nanoseconds(0));
  const auto server = builder.BuildAndStart();
  EXPECT_THAT(std::string(Verify().message()), HasSubstr("in use already"));
  server->Shutdown();
  poller->Shutdown();
  void* event = nullptr;
  bool ok = false;
  while (poller->Wait(&event, &ok) != event_loop::CompletionPoller::Status::SHUTDOWN) {
  }
  poller.reset();
  close(fd);
  EXPECT_EQ(Verify(), absl::OkStatus());
}

TEST(AcceptedSocketsTest, HoldsWhatWasAdded) {
  EXPECT_FALSE(AcceptedSockets::Contains(60'001));
  AcceptedSockets::Add(60'001);
  EXPECT_TRUE(AcceptedSockets::Contains(60'001));
  EXPECT_FALSE(AcceptedSockets::Contains(60'002));
  EXPECT_FALSE(AcceptedSockets::Contains(-1));
  AcceptedSockets::Add(AcceptedSockets::kMaxSockets);
  EXPECT_FALSE(AcceptedSockets::Contains(AcceptedSockets::kMaxSockets));
}

// A socket of another library in the process.
TEST(AcceptedSocketsTest, OthersAreSentAtOnce) {
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0);
  const WriteBatch batch;
  std::array<char, 1> byte = {'x'};
  iovec part{byte.data(), byte.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  EXPECT_EQ(sendmsg(ends[0], &message, 0), 1);
  EXPECT_EQ(recv(ends[1], byte.data(), byte.size(), 0), 1);
  close(ends[0]);
  close(ends[1]);
}

}  // namespace
}  // namespace evalrun::grpc_hooks
