// SPDX-License-Identifier: Apache-2.0

#include "tests/support/redis_process.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>

#include <gtest/gtest.h>
#include <hiredis/hiredis.h>

namespace evalrun::testing {
namespace {

constexpr char kProgram[] = "/usr/bin/redis-server";

int FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(fd, generic, size) != 0 || getsockname(fd, generic, &size) != 0) {
    throw std::runtime_error("no free port");
  }
  close(fd);
  return ntohs(address.sin_port);
}

}  // namespace

bool RedisProcess::IsInstalled() { return access(kProgram, X_OK) == 0; }

RedisProcess::RedisProcess() {
  std::string name = ::testing::TempDir() + "redis.XXXXXX";
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
  folder_ = name;
  // Another process may take the port before Redis does.
  for (int tries = 0; process_ == nullptr && tries < 5; ++tries) {
    port_ = FreePort();
    Start();
  }
  if (process_ == nullptr) throw std::runtime_error("redis-server does not come up");
}

RedisProcess::~RedisProcess() {
  process_.reset();
  std::filesystem::remove_all(folder_);
}

void RedisProcess::Start() {
  process_ = std::make_unique<ChildProcess>(
      ChildProcess::Options{.path = kProgram,
                            .args = {"--port", std::to_string(port_), "--bind", "127.0.0.1",
                                     "--save", "", "--dir", folder_.string()}});
  const auto ready = process_->WaitForLine([](const std::string& line) {
    return line.find("Ready to accept connections") != std::string::npos;
  });
  if (!ready.has_value()) process_.reset();
}

void RedisProcess::Kill() {
  process_->Signal(SIGKILL);
  process_->WaitForExit();
}

void RedisProcess::Pause() { process_->Signal(SIGSTOP); }

void RedisProcess::Resume() { process_->Signal(SIGCONT); }

std::string RedisProcess::Command(const std::vector<std::string>& words) const {
  const std::unique_ptr<redisContext, void (*)(redisContext*)> connection(
      redisConnect("127.0.0.1", port_), redisFree);
  std::vector<const char*> texts;
  std::vector<std::size_t> sizes;
  for (const std::string& word : words) {
    texts.push_back(word.data());
    sizes.push_back(word.size());
  }
  const std::unique_ptr<redisReply, void (*)(void*)> reply(
      static_cast<redisReply*>(redisCommandArgv(connection.get(), static_cast<int>(texts.size()),
                                                texts.data(), sizes.data())),
      freeReplyObject);
  if (reply == nullptr) return std::string("ERROR ") + connection->errstr;
  if (reply->type == REDIS_REPLY_INTEGER) return std::to_string(reply->integer);
  const std::string text = reply->str == nullptr ? "" : std::string(reply->str, reply->len);
  return reply->type == REDIS_REPLY_ERROR ? "ERROR " + text : text;
}

}  // namespace evalrun::testing
