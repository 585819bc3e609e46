// SPDX-License-Identifier: Apache-2.0
//
// File: fault_script.h
//
// A fault script as plain values: which requests fail, and how, and which organizations and
// workspaces are missing. README.md documents its JSON.
#ifndef EVALRUN_REST_BACKEND_SERVER_FAULTS_FAULT_SCRIPT_H_
#define EVALRUN_REST_BACKEND_SERVER_FAULTS_FAULT_SCRIPT_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>
#include <nlohmann/json.hpp>

#include "rest_backend/server/faults/scripted_response.h"

namespace evalrun::backend {

enum class FaultKind {
  kRespond,            // respond with the scripted response instead of the real one
  kDelay,              // respond late
  kDropBeforeReading,  // drop the connection without reading the next request
  kDropAfterReading,   // drop the connection without executing the request
  kDropAfterCommit,    // execute the request, then drop the connection
  kDropMidResponse,    // the same, after the first bytes of the response
  kGarbage,            // respond with bytes that are not HTTP, then drop the connection
  kHold,               // do not respond until released
  kRestart,            // crash and restart the process
};

struct Fault {
  FaultKind kind = FaultKind::kRespond;
  bool commit = false;                 // execute and commit the request before the fault
  bool reset = false;                  // for drops: end the connection with RST instead of FIN
  std::chrono::milliseconds delay{0};  // for kDelay
  std::size_t bytes = 0;               // for kDropMidResponse: how much of the response is sent
  ScriptedResponse response;           // for kRespond
};

struct FaultRule {
  std::string name;  // unique in the script
  // Conditions for a match; empty: any.
  std::string method;
  std::string path;
  bool path_is_prefix = false;
  std::string eval_run_uuid;  // canonical
  // To which matches the rule applies.
  std::int64_t skip = 0;
  std::optional<std::int64_t> count;
  double probability = 1;

  Fault fault;
  nlohmann::json source;  // as written
};

struct FaultScript {
  std::int64_t seed = 0;
  // Organizations and workspaces that the API treats as if they did not exist; their runs are
  // kept. Canonical ids.
  std::set<std::string, std::less<>> missing;
  std::vector<FaultRule> rules;
};

// Parses and checks a whole script: types, unknown members, members that the rule's fault does not
// use. The error is INVALID_ARGUMENT with a sentence that names the member.
[[nodiscard]] absl::StatusOr<FaultScript> ParseFaultScript(std::string_view text);

// Reads a script from a file, which the error message names.
[[nodiscard]] absl::StatusOr<FaultScript> ReadFaultScript(const std::string& file);

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_FAULTS_FAULT_SCRIPT_H_
