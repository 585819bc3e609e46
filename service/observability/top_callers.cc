// SPDX-License-Identifier: Apache-2.0

#include "service/observability/top_callers.h"

#include <algorithm>
#include <functional>
#include <map>
#include <string_view>
#include <tuple>
#include <utility>

#include "rest_backend/deletion/utf8.h"

namespace evalrun::observability {
namespace {

using Count = std::uint64_t CallerActivity::*;

// As a label's value: callers in certificates may be any bytes.
std::string ToLabelValue(std::string_view caller) {
  const std::string valid = deletion::ToValidUtf8(caller);
  return std::string(deletion::Utf8Prefix(valid, SpaceSaving::kMaxKeyBytes));
}

bool IsDeleted(deletion::Certainty certainty) {
  return certainty == deletion::Certainty::kPerformed ||
         certainty == deletion::Certainty::kPresumed;
}

// The first of them have the greatest `count`, at most kReported and none with 0. Callers that are
// equal are in the order of their names.
std::vector<CallerActivity> Greatest(std::vector<CallerActivity> activities, Count count) {
  std::erase_if(activities, [&](const CallerActivity& caller) { return caller.*count == 0; });
  std::ranges::sort(activities, [&](const CallerActivity& a, const CallerActivity& b) {
    return std::tie(b.*count, a.caller) < std::tie(a.*count, b.caller);
  });
  if (activities.size() > TopCallers::kReported) activities.resize(TopCallers::kReported);
  return activities;
}

prometheus::MetricFamily MakeFamily(std::string name, std::string help,
                                    const std::vector<CallerActivity>& activities, Count count) {
  prometheus::MetricFamily family;
  family.name = std::move(name);
  family.help = std::move(help);
  family.type = prometheus::MetricType::Gauge;
  for (const CallerActivity& activity : Greatest(activities, count)) {
    prometheus::ClientMetric metric;
    metric.label.push_back({"caller", activity.caller});
    metric.gauge.value = static_cast<double>(activity.*count);
    family.metric.push_back(std::move(metric));
  }
  return family;
}

}  // namespace

void TopCallers::OnCallCompleted(const CallRecord& record, TimePoint now) {
  const std::lock_guard lock(mutex_);
  Slice& slice = slices_.At(now);
  slice.calls.Add(record.caller);
  if (IsDeleted(record.certainty)) slice.deleted_runs.Add(record.caller);
}

std::vector<CallerActivity> TopCallers::Activities(TimePoint now) const {
  struct Entry {
    std::string caller;
    Count count;
    std::uint64_t value;
  };
  std::vector<Entry> entries;  // copied, so that the event loop does not wait for what follows
  {
    const std::lock_guard lock(mutex_);
    slices_.ForEach(now, [&](const Slice& slice) {
      slice.calls.ForEach([&](std::string_view caller, std::uint64_t value) {
        entries.push_back({std::string(caller), &CallerActivity::calls, value});
      });
      slice.deleted_runs.ForEach([&](std::string_view caller, std::uint64_t value) {
        entries.push_back({std::string(caller), &CallerActivity::deleted_runs, value});
      });
    });
  }
  // By label value: callers that differ in invalid bytes only are one series.
  std::map<std::string, CallerActivity> by_label;
  for (const Entry& entry : entries) {
    by_label[ToLabelValue(entry.caller)].*entry.count += entry.value;
  }
  std::vector<CallerActivity> activities;
  activities.reserve(by_label.size());
  for (auto& [caller, activity] : by_label) {
    activity.caller = caller;
    activities.push_back(std::move(activity));
  }
  return activities;
}

std::vector<CallerActivity> TopCallers::Top(TimePoint now) const {
  const std::vector<CallerActivity> activities = Activities(now);
  std::vector<CallerActivity> top = Greatest(activities, &CallerActivity::calls);
  for (CallerActivity& caller : Greatest(activities, &CallerActivity::deleted_runs)) {
    if (std::ranges::find(top, caller) == top.end()) top.push_back(std::move(caller));
  }
  std::ranges::stable_sort(top, std::greater(), &CallerActivity::calls);
  return top;
}

std::vector<prometheus::MetricFamily> TopCallers::MakeFamilies(TimePoint now) const {
  const std::vector<CallerActivity> activities = Activities(now);
  return {MakeFamily("gateway_top_caller_calls",
                     "Calls of the last 5 minutes, of the callers with the most.", activities,
                     &CallerActivity::calls),
          MakeFamily("gateway_top_caller_deleted_runs",
                     "Runs deleted within the last 5 minutes, of the callers with the most.",
                     activities, &CallerActivity::deleted_runs)};
}

}  // namespace evalrun::observability
