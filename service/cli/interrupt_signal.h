// File: interrupt_signal.h
//
// SIGINT and SIGTERM, counted.
#ifndef EVALRUN_SERVICE_CLI_INTERRUPT_SIGNAL_H_
#define EVALRUN_SERVICE_CLI_INTERRUPT_SIGNAL_H_

#include "service/cli/run_deletes.h"

namespace evalrun::cli {

// From now on the first signal only counts, and so does the second; the third ends the process, as
// it would any other.
void InstallInterruptHandler();

// What was counted so far.
[[nodiscard]] Interrupt CurrentInterrupt();

// The exit status that a shell expects of what the first signal ended: 130 or 143.
[[nodiscard]] int InterruptExitStatus();

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_INTERRUPT_SIGNAL_H_
