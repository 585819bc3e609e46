// File: raw_http2.h
//
// A gRPC call made of bytes, with metadata that no gRPC library would send.
#ifndef EVALRUN_TESTS_SUPPORT_RAW_HTTP2_H_
#define EVALRUN_TESTS_SUPPORT_RAW_HTTP2_H_

#include <string>
#include <utility>
#include <vector>

namespace evalrun::testing {

// Calls DeleteEvalRun at HOST:PORT on a connection of its own, with these headers after the usual
// ones, and waits until the server has ended the stream or the connection, 20 s at most. `message`
// is the serialized request. False when neither end came.
bool CallOverRawHttp2(const std::string& address, const std::string& message,
                      const std::vector<std::pair<std::string, std::string>>& headers);

}  // namespace evalrun::testing

#endif  // EVALRUN_TESTS_SUPPORT_RAW_HTTP2_H_
