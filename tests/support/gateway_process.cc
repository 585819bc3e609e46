// SPDX-License-Identifier: Apache-2.0

#include "tests/support/gateway_process.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <utility>

#include <gtest/gtest.h>

namespace evalrun::testing {
namespace {

using nlohmann::json;

json ParseLine(const std::string& line) {
  return json::parse(line, nullptr, /*allow_exceptions=*/false);
}

bool IsEvent(const json& line, const char* event) {
  return line.is_object() && line.value("event", "") == event;
}

// Environment variables that would change the gateway's configuration or its upstream.
std::vector<std::string> InheritedVariables() {
  std::vector<std::string> names = {"http_proxy",  "https_proxy", "all_proxy",  "HTTP_PROXY",
                                    "HTTPS_PROXY", "ALL_PROXY",   "GRPC_TRACE", "GRPC_VERBOSITY"};
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string name = std::string(*entry).substr(0, std::string(*entry).find('='));
    if (name.starts_with("EVALRUN_")) names.push_back(name);
  }
  return names;
}

}  // namespace

ChildProcess::Options GatewayProcess::MakeCommand(const Options& options) {
  const char* other = std::getenv("GATEWAY_UNDER_TEST");
  ChildProcess::Options command = {.path = other != nullptr ? other : EVALRUN_GATEWAY_BINARY};
  command.args = {"--listen",    "127.0.0.1:0", "--admin-listen",
                  "127.0.0.1:0", "--upstream",  options.upstream};
  command.args.insert(command.args.end(), options.flags.begin(), options.flags.end());
  if (!options.hosts_file.empty()) {
    const std::vector<std::string> wrap = {
        "--mount",          "/bin/sh",   "-c", R"(mount --bind "$0" /etc/hosts && exec "$@")",
        options.hosts_file, command.path};
    command.args.insert(command.args.begin(), wrap.begin(), wrap.end());
    command.path = "/usr/bin/unshare";
  }
  if (options.core >= 0) {
    const std::vector<std::string> wrap = {"--cpu-list", std::to_string(options.core),
                                           command.path};
    command.args.insert(command.args.begin(), wrap.begin(), wrap.end());
    command.path = "/usr/bin/taskset";
  }
  if (options.max_descriptors > 0) {
    const std::string limit = std::to_string(options.max_descriptors);
    const std::vector<std::string> wrap = {"--nofile=" + limit + ":" + limit, command.path};
    command.args.insert(command.args.begin(), wrap.begin(), wrap.end());
    command.path = "/usr/bin/prlimit";
  }
  command.max_lines = options.max_lines;
  command.unset_env = InheritedVariables();
  command.env = {{"AYMARA_AI_API_KEY", kCanaryKey}};
  for (const auto& [name, value] : options.env) command.env[name] = value;
  return command;
}

GatewayProcess::GatewayProcess(const Options& options) : process_(MakeCommand(options)) {
  const auto line = process_.WaitForLine(
      [](const std::string& text) { return IsEvent(ParseLine(text), "listening"); });
  if (!line.has_value()) {
    throw std::runtime_error("the gateway did not come up:\n" + process_.all_output());
  }
  const json listening = ParseLine(*line);
  grpc_address_ = listening.value("grpc", "");
  admin_address_ = listening.value("admin", "");
}

std::vector<json> GatewayProcess::AccessLog() const {
  std::vector<json> calls;
  for (const std::string& text : process_.stdout_lines()) {
    json line = ParseLine(text);
    EXPECT_TRUE(line.is_object()) << "not a JSON object on one line: " << text;
    if (IsEvent(line, "call")) calls.push_back(std::move(line));
  }
  return calls;
}

std::optional<json> GatewayProcess::WaitForAccessLine(const std::string& request_id,
                                                      std::chrono::milliseconds timeout) {
  const auto line = process_.WaitForLine(
      [&](const std::string& text) {
        const json parsed = ParseLine(text);
        return IsEvent(parsed, "call") && parsed.value("request_id", "") == request_id;
      },
      timeout);
  return line.has_value() ? std::optional(ParseLine(*line)) : std::nullopt;
}

std::optional<std::string> GatewayProcess::WaitForEvent(const std::string& event,
                                                        const std::string& text) {
  return process_.WaitForLine([&](const std::string& line) {
    return line.find("\"event\":\"" + event + "\"") != std::string::npos &&
           line.find(text) != std::string::npos;
  });
}

std::optional<double> GatewayProcess::Metric(const std::string& name,
                                             const std::vector<std::string>& labels) const {
  std::istringstream lines(Get("/metrics").body);
  for (std::string line; std::getline(lines, line);) {
    const size_t value = line.rfind(' ');
    if (value == std::string::npos || line.substr(0, line.find_first_of("{ ")) != name) continue;
    const std::string series = line.substr(0, value);
    const bool all = std::ranges::all_of(
        labels, [&](const std::string& label) { return series.find(label) != std::string::npos; });
    if (all) return std::stod(line.substr(value + 1));
  }
  return std::nullopt;
}

}  // namespace evalrun::testing
