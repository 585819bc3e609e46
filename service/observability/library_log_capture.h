// SPDX-License-Identifier: Apache-2.0
//
// File: library_log_capture.h
//
// Takes over the log lines of gRPC and protobuf. Each of old versions has a log of its own; new
// ones share that of abseil.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_LIBRARY_LOG_CAPTURE_H_
#define EVALRUN_SERVICE_OBSERVABILITY_LIBRARY_LOG_CAPTURE_H_

#include <functional>
#include <string_view>

#include <spdlog/common.h>

namespace evalrun::observability {

enum class Library { kGrpc, kProtobuf };

// `place` is the file and the line in the library's code. Called by any thread, also by several at
// a time.
using LibraryLineHandler = std::function<void(Library library, spdlog::level::level_enum level,
                                              std::string_view place, std::string_view message)>;

// From now on lines go to `handler`, and no longer to standard error, except those that end the
// process. No other thread may use the libraries meanwhile.
void StartLibraryLogCapture(LibraryLineHandler handler);
// Lines go to where they went before, or nowhere.
void StopLibraryLogCapture();

// Whether gRPC's lines below an error are wanted, too. Thread-safe.
void SetGrpcDebugLog(bool enabled);

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_LIBRARY_LOG_CAPTURE_H_
