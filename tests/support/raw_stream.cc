// SPDX-License-Identifier: Apache-2.0

#include "tests/support/raw_stream.h"

#include "tests/support/byte_buffer.h"

namespace evalrun::testing {

RawStream::RawStream(const std::shared_ptr<grpc::Channel>& channel, const std::string& method) {
  context_.set_deadline(std::chrono::system_clock::now() + std::chrono::minutes(1));
  stream_ = grpc::GenericStub(channel).PrepareCall(&context_, method, &queue_);
  stream_->StartCall(nullptr);
  WaitForTag();
}

RawStream::RawStream(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
                     const std::string& request)
    : RawStream(channel, method) {
  Send(request);
}

void RawStream::Send(const std::string& request) {
  stream_->WriteLast(ToByteBuffer(request), grpc::WriteOptions(), nullptr);
  WaitForTag();
}

RawStream::~RawStream() {
  if (!finished_) {
    context_.TryCancel();
    Finish();
  }
  queue_.Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (queue_.Next(&tag, &ok)) {
  }
}

bool RawStream::WaitForTag() {
  void* tag = nullptr;
  bool ok = false;
  return queue_.Next(&tag, &ok) && ok;
}

std::optional<std::string> RawStream::Read() {
  grpc::ByteBuffer message;
  stream_->Read(&message, nullptr);
  if (!WaitForTag()) return std::nullopt;
  return ToBytes(message);
}

grpc::Status RawStream::Finish() {
  grpc::Status status;
  stream_->Finish(&status, nullptr);
  WaitForTag();
  finished_ = true;
  return status;
}

}  // namespace evalrun::testing
