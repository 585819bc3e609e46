// SPDX-License-Identifier: Apache-2.0

#include "tests/integration/backend/backend_process.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

namespace evalrun::backend {
namespace {

std::vector<std::string> DefaultArguments(const TempDirectory& directory) {
  if (!std::filesystem::exists(directory.File("seed.json"))) {
    static_cast<void>(directory.Write("seed.json", DefaultSeed().dump()));
  }
  return {"--listen",   "127.0.0.1:0",
          "--database", directory.File("runs.db"),
          "--seed",     directory.File("seed.json")};
}

httplib::Client MakeClient(int port) {
  httplib::Client client("127.0.0.1", port);
  client.set_keep_alive(true);
  client.set_tcp_nodelay(true);
  client.set_read_timeout(std::chrono::seconds(20));
  return client;
}

}  // namespace

TempDirectory::TempDirectory() {
  std::string name = testing::TempDir() + "evalrun-backend-XXXXXX";
  if (mkdtemp(name.data()) == nullptr) std::abort();
  path_ = name;
}

TempDirectory::~TempDirectory() { std::filesystem::remove_all(path_); }

std::string TempDirectory::Write(const std::string& name, const std::string& text) const {
  std::ofstream(path_ / name) << text;
  return path_ / name;
}

BackendProcess::BackendProcess(const TempDirectory& directory)
    : BackendProcess(directory, DefaultArguments(directory)) {}

BackendProcess::BackendProcess(const TempDirectory& directory,
                               const std::vector<std::string>& arguments)
    : stderr_file_(directory.File("stderr")) {
  std::array<int, 2> out{};
  if (pipe2(out.data(), O_CLOEXEC) != 0) std::abort();
  std::vector<char*> argv = {strdup(EVALRUN_BACKEND)};
  for (const std::string& argument : arguments) argv.push_back(strdup(argument.c_str()));
  argv.push_back(nullptr);
  pid_ = fork();
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(out[1], STDOUT_FILENO);
    dup2(open(stderr_file_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDERR_FILENO);
    execv(argv[0], argv.data());
    _exit(127);
  }
  close(out[1]);
  stdout_ = out[0];
  for (char* argument : argv) free(argument);
}

std::vector<std::string> BackendProcess::WithDefaultArguments(
    const TempDirectory& directory, const std::vector<std::string>& more) {
  std::vector<std::string> arguments = DefaultArguments(directory);
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

BackendProcess::~BackendProcess() {
  if (pid_ > 0) {
    Signal(SIGKILL);
    Wait();
  }
  close(stdout_);
}

std::string BackendProcess::ReadLine() {
  std::string line;
  char c = 0;
  while (read(stdout_, &c, 1) == 1 && c != '\n') line += c;
  return line;
}

int BackendProcess::WaitForPort() {
  const auto line = nlohmann::json::parse(ReadLine(), nullptr, false);
  if (!line.is_object() || line.value("event", "") != "listening") return 0;
  const auto port = [&](const char* of) {
    const std::string address = line.value(of, ":0");
    return std::stoi(address.substr(address.rfind(':') + 1));
  };
  admin_port_ = port("admin");
  port_ = port("http");
  return port_;
}

httplib::Client BackendProcess::Connect() const { return MakeClient(port_); }

httplib::Client BackendProcess::ConnectAdmin() const { return MakeClient(admin_port_); }

void BackendProcess::Signal(int signal) const { kill(pid_, signal); }

ExitResult BackendProcess::Wait() {
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  ExitResult ended;
  if (WIFEXITED(status)) ended.exit_status = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) ended.signal = WTERMSIG(status);
  std::ostringstream text;
  text << std::ifstream(stderr_file_).rdbuf();
  ended.standard_error = text.str();
  return ended;
}

nlohmann::json DefaultSeed() {
  constexpr char kOrganization[] = "00000000-0000-4000-8000-00000000000a";
  constexpr char kStrangers[] = "00000000-0000-4000-8000-00000000000b";
  constexpr char kDeleted[] = "00000000-0000-4000-8000-00000000000c";
  constexpr char kDeletedsWorkspace[] = "aaaaaaaa-0000-4000-8000-00000000000d";
  const auto organization = [](const char* id, bool deleted) {
    return nlohmann::json{{"organization_uuid", id}, {"name", id}, {"deleted", deleted}};
  };
  const auto workspace = [](const char* id, const char* owner) {
    return nlohmann::json{{"workspace_uuid", id}, {"organization_uuid", owner}, {"name", id}};
  };
  const auto key = [](const char* secret, const char* owner, const char* in) {
    return nlohmann::json{{"name", std::string("name-") + (secret + 4)},
                          {"key", secret},
                          {"organization_uuid", owner},
                          {"workspace_uuid", in}};
  };
  const auto run = [](const char* id, const char* in, const char* status) {
    return nlohmann::json{{"eval_run_uuid", id},
                          {"workspace_uuid", in},
                          {"eval_uuid", ids::kEval},
                          {"status", status},
                          {"created_at", "2025-03-04T05:06:07.008Z"}};
  };
  nlohmann::json expired = key(ids::kExpiredKey, kOrganization, ids::kWorkspace);
  expired["expires_at"] = "2020-01-01T00:00:00Z";
  nlohmann::json read_only = key(ids::kReadOnlyKey, kOrganization, ids::kWorkspace);
  read_only["permissions"] = {"read"};
  nlohmann::json scarce = key(ids::kRateLimitedKey, kOrganization, ids::kWorkspace);
  scarce["requests_per_minute"] = 2;
  nlohmann::json seed;
  seed["organizations"] = {organization(kOrganization, false), organization(kStrangers, false),
                           organization(kDeleted, true)};
  seed["workspaces"] = {workspace(ids::kWorkspace, kOrganization),
                        workspace(ids::kOtherWorkspace, kOrganization),
                        workspace(ids::kOtherOrganizationWorkspace, kStrangers),
                        workspace(kDeletedsWorkspace, kDeleted)};
  seed["api_keys"] = {key(ids::kKey, kOrganization, ids::kWorkspace),
                      expired,
                      read_only,
                      scarce,
                      key(ids::kOtherOrganizationKey, kStrangers, ids::kOtherOrganizationWorkspace),
                      key(ids::kDeletedOrganizationKey, kDeleted, kDeletedsWorkspace)};
  seed["eval_runs"] = {
      run(ids::kRun, ids::kWorkspace, "finished"),
      run(ids::kOtherRun, ids::kOtherWorkspace, "finished"),
      run(ids::kProcessingRun, ids::kWorkspace, "processing"),
      run(ids::kOtherOrganizationRun, ids::kOtherOrganizationWorkspace, "finished")};
  return seed;
}

}  // namespace evalrun::backend
