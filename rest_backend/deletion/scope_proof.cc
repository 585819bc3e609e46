// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/deletion/scope_proof.h"

#include <algorithm>
#include <iterator>

#include <nlohmann/json.hpp>

#include "rest_backend/deletion/error_body.h"

namespace evalrun::deletion {
namespace {

using nlohmann::json;

// Finds the members of the API's list, and where the text stops being JSON. Values are not kept:
// the list may be long.
class ListFormFinder final : public json::json_sax_t {
 public:
  // The top-level object has both members, with the right types.
  [[nodiscard]] bool is_list() const { return has_items_ && has_count_; }
  // The top-level object has begun an array `items`, with an object in it.
  [[nodiscard]] bool is_beginning_of_list() const { return has_item_; }
  // Counts from 1; 0: the whole text is JSON.
  [[nodiscard]] std::size_t error_position() const { return error_position_; }

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }  // negative ones only
  bool number_unsigned(number_unsigned_t) override {
    if (InTopLevelMember("count")) has_count_ = true;
    return true;
  }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override {
    if (depth_ == 2 && in_items_) has_item_ = true;
    ++depth_;
    return true;
  }
  bool key(string_t& name) override {
    if (depth_ == 1) member_ = name;
    return true;
  }
  bool end_object() override {
    --depth_;
    return true;
  }
  bool start_array(std::size_t) override {
    if (InTopLevelMember("items")) has_items_ = in_items_ = true;
    ++depth_;
    return true;
  }
  bool end_array() override {
    --depth_;
    if (depth_ == 1) in_items_ = false;
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const json::exception&) override {
    error_position_ = position;
    return false;
  }

 private:
  [[nodiscard]] bool InTopLevelMember(std::string_view name) const {
    return depth_ == 1 && member_ == name;
  }

  int depth_ = 0;
  std::string member_;  // of the top-level object
  bool in_items_ = false;
  bool has_items_ = false;
  bool has_item_ = false;
  bool has_count_ = false;
  std::size_t error_position_ = 0;
};

bool IsEvalRunList(const BodyBytes& body) {
  // The parser treats a NUL as the end.
  if (body.bytes.find('\0') != std::string_view::npos) return false;
  ListFormFinder finder;
  if (json::sax_parse(body.bytes, &finder)) return finder.is_list();
  const bool was_cut = !body.complete && finder.error_position() > body.bytes.size();
  return was_cut && finder.is_beginning_of_list();
}

}  // namespace

ProbeClassification ClassifyProbe(const AttemptResult& result) {
  if (result.fault != Fault::kNone) return {};
  switch (result.http_status) {
    case 200:
      if (IsEvalRunList(result.body)) return {.status = ScopeStatus::kProven};
      return {};
    case 401:
    case 403:
      return {.is_forbidden = true};
    case 404:
    case 410:
      if (ClassifyBody(result.body) == BodyKind::kApiError)
        return {.status = ScopeStatus::kMissing};
      return {};
    default:
      return {};
  }
}

ScopeTable::Decision ScopeTable::Check(const Scope& scope, TimePoint now) {
  const Iterator entry = FindOrInsert(scope);
  if (entry == entries_.end()) return {Action::kUseStatus, ScopeStatus::kUnverifiable};
  if (now < entry->valid_until) return {Action::kUseStatus, entry->status};
  if (entry->is_probing) return {.action = Action::kAwaitProbe};
  entry->is_probing = true;
  return {.action = Action::kBeginProbe};
}

void ScopeTable::OnDeleted(const Scope& scope, TimePoint now) {
  Record(scope, ScopeStatus::kProven, now);
}

void ScopeTable::OnMissing(const Scope& scope, TimePoint now) {
  Record(scope, ScopeStatus::kMissing, now);
}

void ScopeTable::Record(const Scope& scope, ScopeStatus status, TimePoint now) {
  const Iterator entry = FindOrInsert(scope);
  if (entry != entries_.end()) Update(entry, status, now);
}

ScopeStatus ScopeTable::OnProbeFinished(const Scope& scope, ScopeStatus status, TimePoint now) {
  const Iterator entry = Find(scope);
  if (entry == entries_.end()) return status;
  entry->is_probing = false;
  // By a DELETE: had it been known before, there would have been no probe.
  const bool is_known_meanwhile = now < entry->valid_until;
  if (is_known_meanwhile &&
      (status == ScopeStatus::kUnverifiable || entry->status == ScopeStatus::kMissing)) {
    return entry->status;
  }
  Update(entry, status, now);
  return status;
}

void ScopeTable::OnProbeCancelled(const Scope& scope) {
  const Iterator entry = Find(scope);
  if (entry != entries_.end()) entry->is_probing = false;
}

ScopeTable::Iterator ScopeTable::Find(const Scope& scope) {
  // Neither part can contain a NUL.
  lookup_id_.assign(scope.api_key).append(1, '\0').append(scope.workspace);
  const auto found = index_.find(lookup_id_);
  return found == index_.end() ? entries_.end() : found->second;
}

ScopeTable::Iterator ScopeTable::FindOrInsert(const Scope& scope) {
  const Iterator known = Find(scope);
  if (known != entries_.end()) return known;
  if (entries_.size() >= options_.max_scopes) {
    const Iterator oldest =
        std::ranges::find_if(entries_, [](const Entry& entry) { return !entry.is_probing; });
    if (oldest == entries_.end()) return entries_.end();
    index_.erase(oldest->id);
    entries_.erase(oldest);
  }
  entries_.push_back({.id = lookup_id_});
  const Iterator added = std::prev(entries_.end());
  index_.emplace(lookup_id_, added);
  return added;
}

void ScopeTable::Update(Iterator entry, ScopeStatus status, TimePoint now) {
  entry->status = status;
  entry->valid_until = now + TimeToLive(status);
  entries_.splice(entries_.end(), entries_, entry);
}

std::chrono::milliseconds ScopeTable::TimeToLive(ScopeStatus status) const {
  switch (status) {
    case ScopeStatus::kProven:
      return options_.proven_ttl;
    case ScopeStatus::kMissing:
      return options_.missing_ttl;
    case ScopeStatus::kUnverifiable:
      break;
  }
  return options_.unverifiable_ttl;
}

}  // namespace evalrun::deletion
