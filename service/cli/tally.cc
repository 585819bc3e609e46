// SPDX-License-Identifier: Apache-2.0

#include "service/cli/tally.h"

#include <algorithm>

namespace evalrun::cli {
namespace {

constexpr std::size_t kMaxGroups = 100;

void AddTo(std::vector<Tally::Group>* groups, std::size_t index, const DeleteResult& report) {
  auto group = std::ranges::find_if(*groups, [&report](const Tally::Group& candidate) {
    const DeleteResult& sample = candidate.sample;
    return sample.deletion == report.deletion && sample.code == report.code &&
           sample.domain == report.domain && sample.reason == report.reason;
  });
  if (group == groups->end()) {
    if (groups->size() < kMaxGroups) groups->push_back({report, {}});
    group = groups->end() - 1;
  }
  group->indices.push_back(index);
}

}  // namespace

void Tally::Add(std::size_t index, const DeleteResult& report) {
  if (report.gone()) {
    // The value comes from the server; bounding the number of distinct ones bounds memory.
    const bool known = gone_.size() < kMaxGroups || gone_.contains(report.deletion);
    ++gone_[known ? report.deletion : "other"];
    ++gone_count_;
  } else if (report.deletion == "unknown") {
    AddTo(&unknown_, index, report);
    ++unknown_count_;
  } else {
    AddTo(&failed_, index, report);
    ++failed_count_;
  }
}

}  // namespace evalrun::cli
