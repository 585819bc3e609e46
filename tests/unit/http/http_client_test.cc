// SPDX-License-Identifier: Apache-2.0
//
// What libcurl refuses to begin, abandoned attempts, and attempts that wait for the addresses of a
// name. Transfers over real sockets: tests/integration/gateway. Real name servers:
// tests/name_server.
#include "rest_backend/http/http_client.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace evalrun::http {
namespace {

using deletion::Fault;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class RecordingObserver final : public AttemptObserver {
 public:
  virtual ~RecordingObserver() = default;
  void OnAttemptDone(const deletion::AttemptResult& result) override {
    faults.push_back(result.fault);
    fault_text = result.fault_text;
    last_status = result.http_status;
    may_have_been_sent = may_have_been_sent || result.may_have_been_sent;
  }

  std::vector<Fault> faults;
  std::string fault_text;
  int last_status = 0;
  bool may_have_been_sent = false;
};

// Works as the event loop does, until `done`.
template <typename Predicate>
bool RunUntil(HttpClient& client, Predicate done) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!done() && std::chrono::steady_clock::now() < end) {
    pollfd readable{.fd = client.poll_fd(), .events = POLLIN, .revents = 0};
    poll(&readable, 1, 1);
    client.Poll();
    client.RunReady();
  }
  return done();
}

// On a free port of 127.0.0.1. Returns its URL.
std::string Listen(int socket, int backlog) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(bind(socket, generic, size), 0);
  EXPECT_EQ(listen(socket, backlog), 0);
  EXPECT_EQ(getsockname(socket, generic, &size), 0);
  return "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
}

// Responds 204 to each request on one connection; if `responds_at_once` to the first one before it
// arrives.
class OneConnectionServer {
 public:
  explicit OneConnectionServer(bool responds_at_once = false)
      : responds_at_once_(responds_at_once), thread_([this] { Serve(); }) {}
  ~OneConnectionServer() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }
  OneConnectionServer(const OneConnectionServer&) = delete;
  OneConnectionServer& operator=(const OneConnectionServer&) = delete;

  [[nodiscard]] const std::string& url() const { return url_; }
  // The same with a name, which a name server has to know.
  [[nodiscard]] std::string named_url() const {
    return "http://upstream.test" + url_.substr(url_.rfind(':'));
  }
  // Only if it responds at once.
  void WaitForFirstResponse() const { has_responded_.wait(false); }

 private:
  void Serve() {
    const int connection = accept(listener_, nullptr, nullptr);
    const auto respond = [connection] {
      const std::string response = "HTTP/1.1 204 X\r\n\r\n";
      EXPECT_EQ(send(connection, response.data(), response.size(), MSG_NOSIGNAL),
                static_cast<ssize_t>(response.size()));
    };
    if (responds_at_once_) {
      respond();
      has_responded_ = true;
      has_responded_.notify_all();
      ReadRequest(connection);
    }
    while (ReadRequest(connection)) respond();
    close(connection);
  }
  // Not a byte of the next one. False: the client has closed the connection.
  static bool ReadRequest(int connection) {
    std::string request;
    for (char byte = 0; !request.ends_with("\r\n\r\n"); request += byte) {
      if (recv(connection, &byte, 1, 0) <= 0) return false;
    }
    return true;
  }

  const bool responds_at_once_;
  std::atomic<bool> has_responded_ = false;
  const int listener_ = socket(AF_INET, SOCK_STREAM, 0);
  const std::string url_ = Listen(listener_, 1);
  std::thread thread_;
};

// libcurl takes no string beyond 8 MB: setting this one fails, as any does without memory.
std::string MakeRejectedTarget() {
  std::string target = "/";
  target.resize(9'000'000, 'x');
  return target;
}

class HttpClientTest : public ::testing::Test {
 protected:
  // Nobody listens on port 1.
  HttpClient client_{HttpClientOptions{.origin = "http://127.0.0.1:1", .headers = {}, .proxy = {}}};
  RecordingObserver observer_;
  const std::string rejected_target_ = MakeRejectedTarget();

  Transfer* Send(const std::string& target) {
    return client_.Send(
        {.target = target.c_str(), .headers = {}, .timeout = std::chrono::seconds(9)}, &observer_);
  }
};

TEST_F(HttpClientTest, RejectedOptionFailsTheAttemptAndSendsNothing) {
  Send(rejected_target_);
  EXPECT_THAT(observer_.faults, IsEmpty()) << "not from within Send()";
  EXPECT_EQ(client_.in_flight(), 1U);
  const auto wake_up = client_.NextWakeUp();
  ASSERT_TRUE(wake_up.has_value());
  EXPECT_LE(*wake_up, std::chrono::steady_clock::now());
  EXPECT_TRUE(client_.RunReady());
  EXPECT_THAT(observer_.faults, ElementsAre(Fault::kInternal));
  EXPECT_FALSE(observer_.may_have_been_sent);
  EXPECT_EQ(client_.in_flight(), 0U);
  EXPECT_EQ(client_.connections_opened(), 0U);
}

TEST_F(HttpClientTest, AbortedAttemptThatWasNotStartedIsNotReported) {
  EXPECT_FALSE(client_.Abort(Send(rejected_target_)));
  EXPECT_EQ(client_.in_flight(), 0U);
  client_.RunReady();
  EXPECT_THAT(observer_.faults, IsEmpty());
}

TEST_F(HttpClientTest, ExpiredAttemptThatWasNotStartedIsReportedOnce) {
  client_.Expire(Send(rejected_target_));
  client_.RunReady();
  EXPECT_THAT(observer_.faults, ElementsAre(Fault::kTimeout));
  EXPECT_EQ(client_.in_flight(), 0U);
}

// libcurl keeps the status of a handle's previous transfer until it begins the next one.
TEST(HttpClientExpireTest, HasNoStatusOfTheTransferBefore) {
  const OneConnectionServer server;
  HttpClient client(HttpClientOptions{.origin = server.url(), .headers = {}, .proxy = {}});
  RecordingObserver observer;
  const AttemptRequest request{
      .target = "/v2/eval-runs/x", .headers = {}, .timeout = std::chrono::seconds(9)};
  client.Send(request, &observer);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (observer.faults.empty() && std::chrono::steady_clock::now() < end) {
    client.Poll();
    client.RunReady();
  }
  ASSERT_THAT(observer.faults, ElementsAre(Fault::kNone));
  ASSERT_EQ(observer.last_status, 204);

  observer = {};
  client.Expire(client.Send(request, &observer));
  EXPECT_THAT(observer.faults, ElementsAre(Fault::kTimeout));
  EXPECT_EQ(observer.last_status, 0);
  EXPECT_FALSE(observer.may_have_been_sent);
}

// On a busy machine the response may be there as soon as the request is sent. libcurl 8.14 reads it
// at once, so the socket's last registration is the one for connecting.
TEST(HttpClientReuseTest, ConnectionWhoseResponseWasThereAtOnceIsReused) {
  const OneConnectionServer server(/*responds_at_once=*/true);
  HttpClient client(HttpClientOptions{.origin = server.url(), .headers = {}, .proxy = {}});
  RecordingObserver observer;
  const AttemptRequest request{
      .target = "/v2/eval-runs/x", .headers = {}, .timeout = std::chrono::seconds(9)};
  const auto run_until = [&client](auto done) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!done() && std::chrono::steady_clock::now() < end) {
      client.Poll();
      client.RunReady();
    }
  };
  client.Send(request, &observer);
  run_until([&client] { return client.connections_opened() == 1; });
  server.WaitForFirstResponse();
  run_until([&observer] { return !observer.faults.empty(); });
  ASSERT_THAT(observer.faults, ElementsAre(Fault::kNone));

  client.Poll();  // what arrives on an idle connection closes it
  client.Send(request, &observer);
  run_until([&observer] { return observer.faults.size() == 2; });
  EXPECT_THAT(observer.faults, ElementsAre(Fault::kNone, Fault::kNone));
  EXPECT_EQ(client.connections_opened(), 1U);
}

// Accepts, reads and responds only when the test calls it.
class SteppedServer {
 public:
  SteppedServer() = default;
  ~SteppedServer() {
    for (const int connection : connections_) close(connection);
    close(listener_);
  }
  SteppedServer(const SteppedServer&) = delete;
  SteppedServer& operator=(const SteppedServer&) = delete;

  [[nodiscard]] const std::string& url() const { return url_; }
  // Accepts and reads what is there, without waiting. Returns the number of requests since the
  // start.
  std::size_t ReadRequests() {
    for (int fd = 0; (fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) {
      connections_.push_back(fd);
    }
    for (std::size_t i = 0; i < connections_.size(); ++i) {
      // A request of this test arrives whole.
      std::array<char, 4096> bytes{};
      if (recv(connections_[i], bytes.data(), bytes.size(), 0) <= 0) continue;
      ++requests_;
      last_ = i;
    }
    return requests_;
  }
  void Respond(std::size_t connection = 0, int status = 204) const {
    const std::string response =
        "HTTP/1.1 " + std::to_string(status) + " X\r\ncontent-length: 0\r\n\r\n";
    EXPECT_EQ(send(connections_.at(connection), response.data(), response.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(response.size()));
  }
  // On the connection of the last request, once.
  void RespondToLast() {
    if (last_ != kNone) Respond(std::exchange(last_, kNone));
  }
  // The first connection, which stays in the list.
  void Shutdown() const { shutdown(connections_.front(), SHUT_RDWR); }

 private:
  const int listener_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const std::string url_ = Listen(listener_, 1000);
  static constexpr std::size_t kNone = -1;
  std::vector<int> connections_;
  std::size_t requests_ = 0;
  std::size_t last_ = kNone;
};

// However many other connections have something to read at the same time.
TEST(HttpClientReuseTest, ConnectionWithUnexpectedBytesIsNotUsed) {
  constexpr std::size_t kConnections = 200;
  SteppedServer server;
  HttpClient client(HttpClientOptions{
      .origin = server.url(), .headers = {}, .proxy = {}, .max_idle_connections = kConnections});
  RecordingObserver observer;
  const AttemptRequest request{
      .target = "/v2/eval-runs/x", .headers = {}, .timeout = std::chrono::seconds(30)};
  for (std::size_t i = 0; i < kConnections; ++i) client.Send(request, &observer);
  ASSERT_TRUE(RunUntil(client, [&server] { return server.ReadRequests() == kConnections; }));
  server.Respond(0);
  ASSERT_TRUE(RunUntil(client, [&observer] { return observer.faults.size() == 1; }));
  client.Poll();  // nothing: epoll then reports this connection after the others

  for (std::size_t i = 1; i < kConnections; ++i) server.Respond(i);
  server.Respond(0, 403);  // unsolicited
  RecordingObserver next;
  client.Send(request, &next);
  ASSERT_TRUE(RunUntil(client, [&server, &next] {
    if (server.ReadRequests() == kConnections + 1) server.RespondToLast();
    return !next.faults.empty();
  }));
  EXPECT_EQ(next.last_status, 204);
}

// Attempts that are aborted, or expire, after they have been sent.
class AbandonedAttemptTest : public ::testing::Test {
 protected:
  Transfer* Send() {
    const std::array<const char*, 1> headers = {line_->c_str()};
    const AttemptRequest request{
        .target = "/v2/eval-runs/x", .headers = headers, .timeout = std::chrono::seconds(30)};
    return client_.Send(request, &observer_);
  }
  bool RunUntilRequests(std::size_t count) {
    return RunUntil(client_, [this, count] { return server_.ReadRequests() == count; });
  }
  bool RunUntilInFlight(std::size_t count) {
    return RunUntil(client_, [this, count] { return client_.in_flight() == count; });
  }

  SteppedServer server_;
  HttpClient client_{HttpClientOptions{.origin = server_.url(), .headers = {}, .proxy = {}}};
  RecordingObserver observer_;
  // Reset when the call that it belongs to has ended.
  std::unique_ptr<std::string> line_ = std::make_unique<std::string>("X-Line: of the call");
};

TEST_F(AbandonedAttemptTest, LeavesAConnectionThatIsUsedAgain) {
  Transfer* const aborted = Send();
  ASSERT_TRUE(RunUntilRequests(1));
  EXPECT_TRUE(client_.Abort(aborted));
  EXPECT_EQ(client_.in_flight(), 1U);
  server_.Respond();
  ASSERT_TRUE(RunUntilInFlight(0));
  EXPECT_THAT(observer_.faults, IsEmpty());

  Transfer* const expired = Send();
  ASSERT_TRUE(RunUntilRequests(2));
  client_.Expire(expired);
  EXPECT_THAT(observer_.faults, ElementsAre(Fault::kTimeout));
  server_.Respond();
  ASSERT_TRUE(RunUntilInFlight(0));
  EXPECT_THAT(observer_.faults, ElementsAre(Fault::kTimeout)) << "reported twice";

  Send();
  ASSERT_TRUE(RunUntilRequests(3));
  server_.Respond();
  ASSERT_TRUE(RunUntilInFlight(0));
  EXPECT_THAT(observer_.faults, ElementsAre(Fault::kTimeout, Fault::kNone));
  EXPECT_EQ(client_.connections_opened(), 1U);
}

TEST_F(AbandonedAttemptTest, EndsAfterASecond) {
  Transfer* const transfer = Send();
  ASSERT_TRUE(RunUntilRequests(1));
  EXPECT_TRUE(client_.Abort(transfer));
  const auto wake_up = client_.NextWakeUp();
  ASSERT_TRUE(wake_up.has_value());
  EXPECT_LE(*wake_up, std::chrono::steady_clock::now() + std::chrono::seconds(1));
  ASSERT_TRUE(RunUntilInFlight(0));
  EXPECT_EQ(client_.connections_closed(), 1U);
}

// libcurl sends a request again when the connection that it reused ends without a response.
TEST_F(AbandonedAttemptTest, IsNotSentAgain) {
  Send();
  ASSERT_TRUE(RunUntilRequests(1));
  server_.Respond();
  ASSERT_TRUE(RunUntilInFlight(0));

  Transfer* const transfer = Send();
  ASSERT_TRUE(RunUntilRequests(2));
  EXPECT_TRUE(client_.Abort(transfer));
  line_.reset();
  server_.Shutdown();
  ASSERT_TRUE(RunUntilInFlight(0));
  EXPECT_EQ(server_.ReadRequests(), 2U);
  EXPECT_EQ(client_.connections_opened(), 2U) << "libcurl tried";
  EXPECT_EQ(client_.connections_closed(), 2U);
}

TEST_F(AbandonedAttemptTest, NoMoreThan256AreWaitedFor) {
  std::vector<Transfer*> transfers(300);
  for (Transfer*& transfer : transfers) transfer = Send();
  ASSERT_TRUE(RunUntilRequests(transfers.size()));
  for (Transfer* transfer : transfers) EXPECT_TRUE(client_.Abort(transfer));
  EXPECT_EQ(client_.in_flight(), 256U);
  EXPECT_EQ(client_.connections_closed(), 44U);
  ASSERT_TRUE(RunUntilInFlight(0));
  EXPECT_EQ(client_.connections_closed(), 300U);
}

TEST_F(AbandonedAttemptTest, IsEndedWithTheClient) {
  Transfer* const transfer = Send();
  ASSERT_TRUE(RunUntilRequests(1));
  EXPECT_TRUE(client_.Abort(transfer));
  line_.reset();
}

// A name server whose responses the test gives. It outlives its lookups.
class NameServer {
 public:
  dns::LookupResult LookUp() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return next_.has_value(); });
    return *std::exchange(next_, std::nullopt);
  }
  // To the lookup that is under way, or to the next one.
  void Respond(std::vector<std::string> addresses, std::string error = "") {
    const std::lock_guard lock(mutex_);
    next_ = {.addresses = std::move(addresses), .error = std::move(error)};
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<dns::LookupResult> next_;
};

class HttpClientLookupTest : public ::testing::Test {
 protected:
  ~HttpClientLookupTest() override { name_server_->Respond({}, "the test has ended"); }

  HttpClient& client() {
    if (client_ == nullptr) {
      client_ = std::make_unique<HttpClient>(
          HttpClientOptions{.origin = server_.named_url(),
                            .headers = {},
                            .proxy = {},
                            .connect_timeout = connect_timeout_,
                            .look_up =
                                [server = name_server_](const std::string& host) {
                                  EXPECT_EQ(host, "upstream.test");
                                  return server->LookUp();
                                },
                            .on_lookup =
                                [this](const std::string& name, const dns::Resolution& resolution) {
                                  EXPECT_EQ(name, "upstream.test");
                                  lookups_.push_back(resolution.error);
                                }});
    }
    return *client_;
  }
  Transfer* Send() {
    return client().Send(
        {.target = "/v2/eval-runs/x", .headers = {}, .timeout = std::chrono::seconds(9)},
        &observer_);
  }
  template <typename Predicate>
  bool RunUntil(Predicate done) {
    return http::RunUntil(client(), done);
  }
  bool RunUntilFaults(std::size_t count) {
    return RunUntil([this, count] { return observer_.faults.size() >= count; });
  }

  const OneConnectionServer server_;
  const std::shared_ptr<NameServer> name_server_ = std::make_shared<NameServer>();
  std::chrono::milliseconds connect_timeout_{20'000};
  std::vector<std::string> lookups_;
  RecordingObserver observer_;
  std::unique_ptr<HttpClient> client_;
};

TEST_F(HttpClientLookupTest, AttemptsWaitForTheFirstAddresses) {
  Send();
  Send();
  client().Poll();
  client().RunReady();
  EXPECT_THAT(observer_.faults, IsEmpty());
  EXPECT_EQ(client().connections_opened(), 0U);
  name_server_->Respond({"127.0.0.1"});
  // The server has one connection: the second waits for it, or times out without harm to the first.
  ASSERT_TRUE(RunUntilFaults(1));
  EXPECT_EQ(observer_.faults.front(), Fault::kNone);
  EXPECT_THAT(lookups_, ElementsAre(""));
}

TEST_F(HttpClientLookupTest, KnownAddressesAreUsedAtOnce) {
  client();
  name_server_->Respond({"127.0.0.1"});
  ASSERT_TRUE(RunUntil([this] { return !lookups_.empty(); }));
  Send();
  ASSERT_TRUE(RunUntilFaults(1));
  EXPECT_THAT(observer_.faults, ElementsAre(Fault::kNone));
}

// The lookup has ended, and the event loop has not noticed it yet.
TEST_F(HttpClientLookupTest, AttemptBetweenALookupAndItsWakeUpIsSent) {
  client();
  name_server_->Respond({"127.0.0.1"});
  pollfd readable{.fd = client().poll_fd(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(poll(&readable, 1, 20'000), 1);
  Send();
  ASSERT_TRUE(RunUntilFaults(1));
  EXPECT_THAT(observer_.faults, ElementsAre(Fault::kNone));
}

TEST_F(HttpClientLookupTest, FailedLookupEndsTheAttemptsThatWait) {
  Send();
  Send();
  name_server_->Respond({}, "Name or service not known");
  ASSERT_TRUE(RunUntilFaults(2));
  EXPECT_THAT(observer_.faults, ElementsAre(Fault::kResolve, Fault::kResolve));
  EXPECT_EQ(observer_.fault_text, "Name or service not known");
  EXPECT_FALSE(observer_.may_have_been_sent);
  EXPECT_EQ(client().in_flight(), 0U);
}

TEST_F(HttpClientLookupTest, AttemptSoonAfterAFailedLookupFailsToo) {
  client();
  name_server_->Respond({}, "Name or service not known");
  ASSERT_TRUE(RunUntil([this] { return !lookups_.empty(); }));
  Send();
  EXPECT_THAT(observer_.faults, IsEmpty()) << "not from within Send()";
  client().RunReady();
  EXPECT_THAT(observer_.faults, ElementsAre(Fault::kResolve));
  EXPECT_EQ(observer_.fault_text, "Name or service not known");
}

TEST_F(HttpClientLookupTest, AttemptWaitsNoLongerThanTheConnectTimeout) {
  connect_timeout_ = std::chrono::milliseconds(50);
  Send();
  const auto wake_up = client().NextWakeUp();
  ASSERT_TRUE(wake_up.has_value());
  EXPECT_LE(*wake_up, std::chrono::steady_clock::now() + connect_timeout_);
  ASSERT_TRUE(RunUntilFaults(1));
  EXPECT_THAT(observer_.faults, ElementsAre(Fault::kResolve));
  EXPECT_FALSE(observer_.may_have_been_sent);
  EXPECT_FALSE(client().NextWakeUp().has_value());
}

TEST_F(HttpClientLookupTest, WaitingAttemptExpiresAndIsAborted) {
  client().Expire(Send());
  EXPECT_THAT(observer_.faults, ElementsAre(Fault::kTimeout));
  EXPECT_FALSE(observer_.may_have_been_sent);
  EXPECT_FALSE(client().Abort(Send()));
  EXPECT_EQ(client().in_flight(), 0U);
  name_server_->Respond({"127.0.0.1"});
  ASSERT_TRUE(RunUntil([this] { return !lookups_.empty(); }));
  EXPECT_EQ(observer_.faults.size(), 1U);
  EXPECT_EQ(client().connections_opened(), 0U);
}

TEST_F(HttpClientTest, HandleIsUsableAfterARejectedOption) {
  Send(rejected_target_);
  client_.RunReady();
  Send("/v2/eval-runs/x");
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (observer_.faults.size() < 2 && std::chrono::steady_clock::now() < end) {
    client_.Poll();
    client_.RunReady();
  }
  EXPECT_THAT(observer_.faults, ElementsAre(Fault::kInternal, Fault::kConnect));
}

}  // namespace
}  // namespace evalrun::http
