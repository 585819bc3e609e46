// File: limit_figures.h
//
// What operators see of the limiter. Pure.
#ifndef EVALRUN_SERVICE_RPC_LIMIT_FIGURES_H_
#define EVALRUN_SERVICE_RPC_LIMIT_FIGURES_H_

#include <cstdint>

#include "service/limits/limiter.h"
#include "service/observability/limit_metrics.h"

namespace evalrun::service {

// `now` is of the limiter's clock.
[[nodiscard]] LimitFigures FiguresOf(const Limiter& limiter, std::int64_t now);

}  // namespace evalrun::service

#endif  // EVALRUN_SERVICE_RPC_LIMIT_FIGURES_H_
