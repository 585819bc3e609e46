// SPDX-License-Identifier: Apache-2.0
//
// File: metric_family.h
//
// Prometheus families made from values that are read when Prometheus asks.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_METRIC_FAMILY_H_
#define EVALRUN_SERVICE_OBSERVABILITY_METRIC_FAMILY_H_

#include <string>
#include <utility>
#include <vector>

#include <prometheus/metric_family.h>

namespace evalrun::observability {

// Families with one series without labels.
[[nodiscard]] prometheus::MetricFamily MakeCounterFamily(std::string name, std::string help,
                                                         double value);
[[nodiscard]] prometheus::MetricFamily MakeGaugeFamily(std::string name, std::string help,
                                                       double value);
// A counter with one label: `values` by the label's value.
[[nodiscard]] prometheus::MetricFamily MakeCounterFamily(
    std::string name, std::string help, const std::string& label,
    const std::vector<std::pair<std::string, double>>& values);

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_METRIC_FAMILY_H_
