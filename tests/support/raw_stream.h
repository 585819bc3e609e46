// SPDX-License-Identifier: Apache-2.0
//
// File: raw_stream.h
//
// A streaming call of any method with raw bytes, for services for which the tests have no generated
// code.
#ifndef EVALRUN_TESTS_SUPPORT_RAW_STREAM_H_
#define EVALRUN_TESTS_SUPPORT_RAW_STREAM_H_

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

namespace evalrun::testing {

class RawStream {
 public:
  // Starts the call. Its message is still to come.
  RawStream(const std::shared_ptr<grpc::Channel>& channel, const std::string& method);
  // Starts the call and sends its message.
  RawStream(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
            const std::string& request);
  RawStream(const RawStream&) = delete;
  RawStream& operator=(const RawStream&) = delete;
  // Cancels the call if it has not ended.
  ~RawStream();

  // Sends the one message of the call.
  void Send(const std::string& request);
  // The next message; nullopt at the end of the stream, or after a minute.
  std::optional<std::string> Read();
  // Call when nothing is left to read.
  grpc::Status Finish();

 private:
  bool WaitForTag();

  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream_;
  bool finished_ = false;
};

}  // namespace evalrun::testing

#endif  // EVALRUN_TESTS_SUPPORT_RAW_STREAM_H_
