// File: fault_script.h
//
// A fault script, as plain values: which requests go wrong, and how, and which organizations and
// workspaces are missing. README.md shows its JSON.
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
  kRespond,            // the scripted answer in place of the real one
  kDelay,              // the real answer, later
  kDropBeforeReading,  // the connection ends, the next request on it unread
  kDropAfterReading,   // the connection ends, the request not carried out
  kDropAfterCommit,    // the connection ends, the request carried out
  kDropMidResponse,    // the same, after the answer's first bytes
  kGarbage,            // bytes that are not HTTP in place of the answer, then the connection ends
  kHold,               // nothing until it is released
  kRestart,            // the process crashes and starts again
};

struct Fault {
  FaultKind kind = FaultKind::kRespond;
  bool commit = false;  // the request is carried out, and on the disk, before the fault
  bool reset = false;   // drops: the connection ends with RST; otherwise with FIN
  std::chrono::milliseconds delay{0};  // kDelay
  std::size_t bytes = 0;               // kDropMidResponse: this much of the answer is sent
  ScriptedResponse answer;             // kRespond
};

struct FaultRule {
  std::string name;  // unique in its script
  // What it matches; empty: anything.
  std::string method;
  std::string path;
  bool path_is_prefix = false;
  std::string eval_run_uuid;  // canonical
  // When it applies to what it matches.
  std::int64_t skip = 0;
  std::optional<std::int64_t> count;
  double probability = 1;

  Fault fault;
  nlohmann::json source;  // as written
};

struct FaultScript {
  std::int64_t seed = 0;
  // Organizations and workspaces that the API answers for as if they did not exist; their runs are
  // kept. Canonical ids.
  std::set<std::string, std::less<>> missing;
  std::vector<FaultRule> rules;
};

// Reads and checks a whole script: types, unknown members, members that the rule's fault has no
// use for. Otherwise INVALID_ARGUMENT with a sentence that names the member.
[[nodiscard]] absl::StatusOr<FaultScript> ParseFaultScript(std::string_view text);

// The same from a file, which the sentence names.
[[nodiscard]] absl::StatusOr<FaultScript> ReadFaultScript(const std::string& file);

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_FAULTS_FAULT_SCRIPT_H_
