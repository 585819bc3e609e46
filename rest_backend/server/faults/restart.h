// File: restart.h
//
// A crash that mends itself: the process is replaced by a new one, in place.
#ifndef EVALRUN_REST_BACKEND_SERVER_FAULTS_RESTART_H_
#define EVALRUN_REST_BACKEND_SERVER_FAULTS_RESTART_H_

#include <string>

#include "rest_backend/server/flags.h"

namespace evalrun::backend {

// Runs this program anew in this process, with `flags` and, as `flags.resume`, a file that holds
// `state`. Everything in flight is lost: no other thread gets to say a last word. Does not return;
// where the program cannot be run, the process ends with exit status 70.
[[noreturn]] void RestartProcess(Flags flags, const std::string& state);

// What RestartProcess was given as `state`. Closes `file` and every other descriptor that this
// process has inherited, so that the peers of the process before see its end. To be called before
// anything is opened.
[[nodiscard]] std::string TakeState(int file);

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_FAULTS_RESTART_H_
