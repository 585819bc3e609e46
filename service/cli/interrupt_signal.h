// SPDX-License-Identifier: Apache-2.0
//
// File: interrupt_signal.h
//
// Counts SIGINT, SIGTERM and SIGHUP.
#ifndef EVALRUN_SERVICE_CLI_INTERRUPT_SIGNAL_H_
#define EVALRUN_SERVICE_CLI_INTERRUPT_SIGNAL_H_

#include "service/cli/run_deletes.h"

namespace evalrun::cli {

// From now on the first and second signals are only counted; the third terminates the process.
// SIGHUP stays ignored where it is, as under nohup.
void InstallInterruptHandler();

// The interrupt level for the signals counted so far.
[[nodiscard]] Interrupt CurrentInterrupt();

// The exit status that shells expect after the first signal: 130, 143 or 129.
[[nodiscard]] int InterruptExitStatus();

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_INTERRUPT_SIGNAL_H_
