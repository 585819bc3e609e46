// File: increment_to.h
//
// Updates a Prometheus counter from a value that is counted elsewhere.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_INCREMENT_TO_H_
#define EVALRUN_SERVICE_OBSERVABILITY_INCREMENT_TO_H_

#include <cstdint>

#include <prometheus/counter.h>

namespace evalrun::observability {

// A Prometheus counter can only be incremented, so this adds the difference to `value`. Never
// decreases the counter.
inline void IncrementTo(prometheus::Counter* counter, std::uint64_t value) {
  const double difference = static_cast<double>(value) - counter->Value();
  if (difference > 0) counter->Increment(difference);
}

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_INCREMENT_TO_H_
