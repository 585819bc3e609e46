// File: increment_to.h
//
// Counters of what others count.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_INCREMENT_TO_H_
#define EVALRUN_SERVICE_OBSERVABILITY_INCREMENT_TO_H_

#include <cstdint>

#include <prometheus/counter.h>

namespace evalrun::observability {

// A counter can only be added to; what others count is brought up to date by the difference.
inline void IncrementTo(prometheus::Counter* counter, std::uint64_t value) {
  const double difference = static_cast<double>(value) - counter->Value();
  if (difference > 0) counter->Increment(difference);
}

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_INCREMENT_TO_H_
