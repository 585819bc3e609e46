// SPDX-License-Identifier: Apache-2.0
//
// Deletes one eval run for good, and says what became of it:
//
//   delete_run ADDRESS SERVICE_CONFIG RUN_ID [TLS_FOLDER]
//
// TLS_FOLDER: tls.crt and tls.key of the caller, ca.crt to check the server by. Without it:
// plaintext. Prints one line for each call and one for the outcome. Exit status 0: the run is gone.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <thread>

#include <absl/random/random.h>
#include <absl/strings/str_format.h>
#include <google/protobuf/empty.pb.h>
#include <google/protobuf/util/time_util.h>
#include <google/rpc/code.pb.h>
#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>
#include <grpcpp/grpcpp.h>

#include "aymara/evals/v1/eval_run_service.grpc.pb.h"

namespace {

using aymara::evals::v1::EvalRunService;
using std::chrono::milliseconds;

constexpr std::chrono::seconds kDeadline(20);  // of one call with all its attempts
constexpr int kSettlingCalls = 5;
constexpr milliseconds kLongestWait(10'000);

struct Answer {
  bool ok = false;
  std::string deletion;  // what is certain about the run
  milliseconds wait{0};  // before the next call
};

// One call.
Answer Delete(EvalRunService::Stub& stub, const std::string& run, std::string request_id,
              bool allow_missing) {
  aymara::evals::v1::DeleteEvalRunRequest request;
  request.set_eval_run_uuid(run);
  request.set_allow_missing(allow_missing);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kDeadline);
  context.AddMetadata("x-request-id", request_id);
  google::protobuf::Empty nothing;
  const grpc::Status status = stub.DeleteEvalRun(&context, request, &nothing);

  Answer answer;
  answer.ok = status.ok();
  google::rpc::ErrorInfo info;
  if (status.ok()) {
    const auto& trailers = context.GetServerTrailingMetadata();
    const auto deletion = trailers.find("evalrun-deletion");
    answer.deletion = deletion == trailers.end()
                          ? "performed"
                          : std::string(deletion->second.data(), deletion->second.size());
  } else {
    google::rpc::Status details;
    google::rpc::RetryInfo retry;
    google::rpc::RequestInfo named;
    details.ParseFromString(status.error_details());
    for (const auto& detail : details.details()) {
      if (detail.UnpackTo(&named)) request_id = named.request_id();
      detail.UnpackTo(&retry);
      detail.UnpackTo(&info);
    }
    using google::protobuf::util::TimeUtil;
    answer.wait = milliseconds(TimeUtil::DurationToMilliseconds(retry.retry_delay()));
    // An error without details did not come from the gateway: the result is unknown.
    const auto deletion = info.metadata().find("deletion");
    answer.deletion = deletion == info.metadata().end() ? "unknown" : deletion->second;
  }
  const auto or_dash = [](const std::string& text) { return text.empty() ? "-" : text; };
  std::cout << absl::StreamFormat(
      "%s deletion=%s reason=%s domain=%s retry_after=%.3fs request_id=%s\n",
      google::rpc::Code_Name(static_cast<int>(status.error_code())), answer.deletion,
      or_dash(info.reason()), or_dash(info.domain()),
      std::chrono::duration<double>(answer.wait).count(), request_id);
  return answer;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::shared_ptr<grpc::ChannelCredentials> TlsCredentials(const std::string& folder) {
  return grpc::SslCredentials(
      {ReadFile(folder + "/ca.crt"), ReadFile(folder + "/tls.key"), ReadFile(folder + "/tls.crt")});
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4 && argc != 5) {
    std::cerr << "usage: delete_run ADDRESS SERVICE_CONFIG RUN_ID [TLS_FOLDER]\n";
    return 2;
  }
  grpc::ChannelArguments arguments;
  arguments.SetServiceConfigJSON(ReadFile(argv[2]));
  const auto stub = EvalRunService::NewStub(grpc::CreateCustomChannel(
      argv[1], argc == 5 ? TlsCredentials(argv[4]) : grpc::InsecureChannelCredentials(),
      arguments));

  absl::BitGen random;
  const std::string request_id = absl::StrFormat("%016x", absl::Uniform<std::uint64_t>(random));
  const Answer first = Delete(*stub, argv[3], request_id, /*allow_missing=*/false);
  Answer last = first;
  // Unknown: call again. With `allow_missing`, OK means that the run is not in this workspace; any
  // other answer says nothing about the first call, so the question stays open.
  for (int i = 0; first.deletion == "unknown" && !last.ok && i < kSettlingCalls; ++i) {
    const milliseconds bound = std::min(kLongestWait, milliseconds(200 << i));
    const milliseconds jittered(absl::Uniform(random, 0, static_cast<int>(bound.count())));
    std::this_thread::sleep_for(std::max(last.wait, jittered));
    last = Delete(*stub, argv[3], request_id, /*allow_missing=*/true);
  }
  std::cout << (last.ok ? "gone" : first.deletion) << "\n";
  return last.ok ? 0 : 1;
}
