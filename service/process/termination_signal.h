// File: termination_signal.h
//
// SIGTERM and SIGINT as something to wait for, rather than something that interrupts.
#ifndef EVALRUN_SERVICE_PROCESS_TERMINATION_SIGNAL_H_
#define EVALRUN_SERVICE_PROCESS_TERMINATION_SIGNAL_H_

#include <chrono>

namespace evalrun::process {

// Keeps both signals from all threads. Called before there is any other thread: they inherit it.
void BlockTerminationSignals();

// Waits for either signal: for ever, or for `at_most`.
void WaitForTerminationSignal();
void WaitForTerminationSignal(std::chrono::microseconds at_most);

}  // namespace evalrun::process

#endif  // EVALRUN_SERVICE_PROCESS_TERMINATION_SIGNAL_H_
