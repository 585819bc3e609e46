// SPDX-License-Identifier: Apache-2.0
//
// The API's error as it reaches a caller: any body becomes a status that is small enough for a gRPC
// client, with at most one google.protobuf.Struct, and without the API key.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <google/protobuf/struct.pb.h>
#include <google/rpc/status.pb.h>

#include "rest_backend/deletion/error_body.h"
#include "service/handler/error_details.h"
#include "service/handler/upstream_text.h"
#include "tests/fuzz/property.h"

namespace evalrun::fuzz {
namespace {

constexpr std::string_view kKey = "sk-KEY";  // short, so that the fuzzer finds it

void CheckText(const std::string& text) {
  Require(text.find(kKey) == std::string::npos, "the key is not passed on");
  Require(IsUtf8(text), "what is passed on is valid UTF-8");
}

void CheckStruct(const google::protobuf::Struct& details);

void CheckValue(const google::protobuf::Value& value) {
  CheckText(value.string_value());
  CheckStruct(value.struct_value());
  for (const auto& element : value.list_value().values()) CheckValue(element);
}

void CheckStruct(const google::protobuf::Struct& details) {
  for (const auto& [name, value] : details.fields()) {
    CheckText(name);
    CheckValue(value);
  }
}

void CheckError(const deletion::ErrorBody& body) {
  handler::CallError call_error;
  call_error.code = absl::StatusCode::kInvalidArgument;
  call_error.message = body.message;
  call_error.reason = "A_REASON";
  call_error.upstream_code = body.code;
  call_error.upstream_request_id = body.request_id;
  call_error.field_errors = body.field_errors;
  call_error.upstream_details = body.details;
  const handler::EncodedError error = handler::EncodeError(call_error);
  Require(handler::EncodedBytes(error) < handler::kMaxEncodedBytes, "it fits into a client");
  google::rpc::Status status;
  Require(status.ParseFromString(error.details), "the details are a google.rpc.Status");
  int structs = 0;
  for (const auto& detail : status.details()) {
    google::protobuf::Struct upstream_details;
    if (!detail.Is<google::protobuf::Struct>()) continue;
    ++structs;
    Require(detail.UnpackTo(&upstream_details), "the upstream's details can be read");
    Require(!upstream_details.fields().empty(), "the upstream's details are not empty");
    CheckStruct(upstream_details);
  }
  Require(structs <= (body.details.empty() ? 0 : 1), "the upstream's details are passed on once");
}

}  // namespace
}  // namespace evalrun::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  // As a whole body, and as the details of one.
  const std::string with_details =
      R"({"error":{"code":"c","message":"m","details":)" + std::string(bytes) + "}}";
  for (const std::string_view text : {bytes, std::string_view(with_details)}) {
    evalrun::deletion::ErrorBody body =
        evalrun::deletion::ParseErrorBody({.bytes = text, .content_type = {}});
    evalrun::handler::CleanErrorBody(evalrun::fuzz::kKey, &body);
    evalrun::fuzz::CheckError(body);
  }
  return 0;
}
