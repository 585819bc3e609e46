// SPDX-License-Identifier: Apache-2.0
//
// File: scope_proof.h
//
// Proof that a scope (scope_status.h) exists: how the response to a probe is read, and a bounded
// table of what is known about each scope. A probe is `GET {base}/eval-runs?limit=1` in the same
// scope (request_target.h). Pure: no clock and no socket.
#ifndef EVALRUN_REST_BACKEND_DELETION_SCOPE_PROOF_H_
#define EVALRUN_REST_BACKEND_DELETION_SCOPE_PROOF_H_

#include <chrono>
#include <cstddef>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "rest_backend/deletion/attempt_result.h"
#include "rest_backend/deletion/scope_status.h"

namespace evalrun::deletion {

struct ProbeClassification {
  ScopeStatus status = ScopeStatus::kUnverifiable;
  // The API key may not list eval runs (401 or 403): probes with it never prove anything. An
  // operator must change the key's permissions or disable the verification.
  bool is_forbidden = false;

  bool operator==(const ProbeClassification&) const = default;
};

// kProven only for a 200 whose body is the API's list, a JSON object with an array `items` and a
// number `count`. A body that was cut (the one run listed may exceed our size limit) is the list
// when it ends inside the items. kMissing only for a recognised 404 or 410. Everything else,
// including no response at all, is kUnverifiable.
[[nodiscard]] ProbeClassification ClassifyProbe(const AttemptResult& result);

struct ScopeTableOptions {
  // At least 1. When the table is full, the scope that was updated least recently is evicted.
  std::size_t max_scopes = 4096;
  // How long a proof is valid, and how long a negative result is used before the next probe.
  std::chrono::milliseconds proven_ttl = std::chrono::minutes(5);
  std::chrono::milliseconds missing_ttl = std::chrono::seconds(5);
  std::chrono::milliseconds unverifiable_ttl = std::chrono::seconds(2);
};

// What is known about scopes, and which of them are being probed: at most one probe per scope.
// Calls that wait for a probe are not kept here. Not thread-safe. Times are of one steady clock.
class ScopeTable {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // Two scopes are the same when both parts are equal, byte for byte.
  struct Scope {
    // Identifies the secret: after a reload that may have changed it, this must differ.
    std::string_view api_key;
    // As sent: the API may not accept every spelling of an id. Empty: not sent.
    std::string_view workspace;
  };

  enum class Action {
    kUseStatus,   // `status` is known
    kBeginProbe,  // probe now, then call OnProbeFinished() or OnProbeCancelled() exactly once
    kAwaitProbe,  // a probe is under way: its OnProbeFinished() decides
  };
  struct Decision {
    Action action = Action::kUseStatus;
    ScopeStatus status = ScopeStatus::kUnverifiable;  // for kUseStatus
  };

  explicit ScopeTable(const ScopeTableOptions& options) : options_(options) {}
  ScopeTable(const ScopeTable&) = delete;  // entries hold iterators
  ScopeTable& operator=(const ScopeTable&) = delete;

  // A 404 needs proof of its scope. kUnverifiable when the table is full of scopes under probe.
  [[nodiscard]] Decision Check(const Scope& scope, TimePoint now);

  // A DELETE in this scope was answered with success, which proves the scope. Does not allocate
  // memory for a scope that is known.
  void OnDeleted(const Scope& scope, TimePoint now);

  // A DELETE in this scope was answered with a code that names the workspace or the organization as
  // missing. That replaces a proof.
  void OnMissing(const Scope& scope, TimePoint now);

  // The probe that Check() asked for has finished. Returns the status for all calls that waited for
  // it. What the response to a DELETE has shown meanwhile counts, too: kMissing if either shows it;
  // kProven also when the probe could not verify the scope and a DELETE has proven it.
  ScopeStatus OnProbeFinished(const Scope& scope, ScopeStatus status, TimePoint now);

  // The probe that Check() asked for was not made, or was cancelled because no call waits for it
  // any more. The scope's status stays as it was.
  void OnProbeCancelled(const Scope& scope);

  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::string id;
    ScopeStatus status = ScopeStatus::kUnverifiable;
    TimePoint valid_until{};
    bool is_probing = false;
  };
  using Iterator = std::list<Entry>::iterator;

  // The scope's entry, or the list's end.
  [[nodiscard]] Iterator Find(const Scope& scope);
  // The scope's entry, made when there is none; the list's end when there is no space for it.
  [[nodiscard]] Iterator FindOrInsert(const Scope& scope);
  void Update(Iterator entry, ScopeStatus status, TimePoint now);
  // As Update(). Nothing when there is no space for the scope.
  void Record(const Scope& scope, ScopeStatus status, TimePoint now);
  [[nodiscard]] std::chrono::milliseconds TimeToLive(ScopeStatus status) const;

  ScopeTableOptions options_;
  std::list<Entry> entries_;  // the least recently updated first
  std::unordered_map<std::string, Iterator> index_;
  std::string lookup_id_;  // of Find(): keeps its memory
};

}  // namespace evalrun::deletion

#endif  // EVALRUN_REST_BACKEND_DELETION_SCOPE_PROOF_H_
