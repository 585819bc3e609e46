// SPDX-License-Identifier: Apache-2.0
//
// File: termination_signal.h
//
// Waiting for SIGTERM and SIGINT, instead of handling them asynchronously.
#ifndef EVALRUN_SERVICE_PROCESS_TERMINATION_SIGNAL_H_
#define EVALRUN_SERVICE_PROCESS_TERMINATION_SIGNAL_H_

#include <chrono>

namespace evalrun::process {

// Until BlockTerminationSignals(): SIGTERM and SIGINT end the process at once, with exit status 143
// and 130. Also the first process of a container, in which by default they do nothing.
void ExitOnTerminationSignals();

// Blocks both signals in all threads. Call it before any other thread exists: they inherit it.
void BlockTerminationSignals();

// Waits for either signal: without a limit, or for `at_most`. The latter returns whether one came.
void WaitForTerminationSignal();
bool WaitForTerminationSignal(std::chrono::microseconds at_most);

}  // namespace evalrun::process

#endif  // EVALRUN_SERVICE_PROCESS_TERMINATION_SIGNAL_H_
