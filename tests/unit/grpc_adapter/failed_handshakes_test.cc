// SPDX-License-Identifier: Apache-2.0

#include "service/grpc_adapter/failed_handshakes.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "service/net/unique_fd.h"
#include "tests/unit/grpc_adapter/loopback_connections.h"

namespace evalrun::grpc_adapter {
namespace {

using net::UniqueFd;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr auto kTimeout = seconds(10);
constexpr FailedHandshakes::Clock::time_point kNow{seconds(1000)};
constexpr const char* kUnknown = "unknown";

class FailedHandshakesTest : public ::testing::Test, public evalrun::testing::LoopbackConnections {
 protected:
  std::shared_ptr<Connection> Add(int socket) {
    auto connection = std::make_shared<Connection>(net::SocketRef(socket));
    failed_.Add(connection, kNow);
    return connection;
  }
  // A connection that was just accepted.
  UniqueFd ConnectAndAdd(std::uint8_t host) {
    UniqueFd socket = Connect(host);
    Add(socket.get());
    return socket;
  }
  void Fail(FailedHandshakes::Clock::time_point now = kNow) {
    failed_.OnFailure(
        [this](const net::PeerName* peer) {
          hosts_.push_back(peer == nullptr ? kUnknown : peer->host);
        },
        now);
  }

  FailedHandshakes failed_{kTimeout};
  std::vector<std::string> hosts_;
};

TEST_F(FailedHandshakesTest, TheConnectionThatIsClosedAfterwards) {
  const UniqueFd other = ConnectAndAdd(/*host=*/1);
  UniqueFd failing = ConnectAndAdd(/*host=*/2);
  Fail();
  failing.Close();
  EXPECT_THAT(hosts_, IsEmpty());
  failed_.Identify();
  EXPECT_THAT(hosts_, ElementsAre("127.0.0.2"));
  failed_.Identify();
  EXPECT_THAT(hosts_, ElementsAre("127.0.0.2"));
}

TEST_F(FailedHandshakesTest, NotOneThatWasClosedBefore) {
  UniqueFd before = ConnectAndAdd(/*host=*/1);
  UniqueFd failing = ConnectAndAdd(/*host=*/2);
  before.Close();
  Fail();
  failing.Close();
  failed_.Identify();
  EXPECT_THAT(hosts_, ElementsAre("127.0.0.2"));
}

TEST_F(FailedHandshakesTest, NoneWhereSeveralAreClosed) {
  UniqueFd one = ConnectAndAdd(/*host=*/1);
  UniqueFd another = ConnectAndAdd(/*host=*/2);
  Fail();
  one.Close();
  another.Close();
  failed_.Identify();
  EXPECT_THAT(hosts_, ElementsAre(kUnknown));
}

TEST_F(FailedHandshakesTest, FailuresOfOneIterationAreToldApart) {
  UniqueFd one = ConnectAndAdd(/*host=*/1);
  UniqueFd another = ConnectAndAdd(/*host=*/2);
  Fail();
  one.Close();
  Fail();
  another.Close();
  failed_.Identify();
  EXPECT_THAT(hosts_, ElementsAre("127.0.0.1", "127.0.0.2"));
}

TEST_F(FailedHandshakesTest, NotOneThatHasDeliveredACall) {
  UniqueFd established = Connect();
  Add(established.get())->calls_arrived = 1;
  Fail();
  established.Close();
  failed_.Identify();
  EXPECT_THAT(hosts_, ElementsAre(kUnknown));
}

TEST_F(FailedHandshakesTest, NotOneThatIsTooOld) {
  UniqueFd old = Connect();
  Add(old.get());
  Fail(kNow + kTimeout + seconds(1));
  old.Close();
  failed_.Identify();
  EXPECT_THAT(hosts_, ElementsAre(kUnknown));
}

TEST_F(FailedHandshakesTest, OnlyTheYoungestConnectionsAreLookedAt) {
  UniqueFd failing = ConnectAndAdd(/*host=*/2);
  const UniqueFd other = Connect(/*host=*/1);
  for (std::size_t i = 0; i < FailedHandshakes::kMaxYoungConnections; ++i) Add(other.get());
  Fail();
  failing.Close();
  failed_.Identify();
  EXPECT_THAT(hosts_, ElementsAre(kUnknown));
}

}  // namespace
}  // namespace evalrun::grpc_adapter
