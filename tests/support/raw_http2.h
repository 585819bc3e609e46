// SPDX-License-Identifier: Apache-2.0
//
// File: raw_http2.h
//
// Makes a gRPC call from raw bytes, with metadata that no gRPC library would send.
#ifndef EVALRUN_TESTS_SUPPORT_RAW_HTTP2_H_
#define EVALRUN_TESTS_SUPPORT_RAW_HTTP2_H_

#include <string>
#include <utility>
#include <vector>

namespace evalrun::testing {

// Calls DeleteEvalRun at HOST:PORT on its own connection, with `headers` after the usual ones, and
// waits up to 20 s until the server has ended the stream or the connection. `message` is the
// serialized request. Returns false on timeout.
bool CallOverRawHttp2(const std::string& address, const std::string& message,
                      const std::vector<std::pair<std::string, std::string>>& headers);

}  // namespace evalrun::testing

#endif  // EVALRUN_TESTS_SUPPORT_RAW_HTTP2_H_
