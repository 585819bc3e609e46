// SPDX-License-Identifier: Apache-2.0
//
// Deletes one eval run for good, and says what became of it:
//
//   delete_run ADDRESS SERVICE_CONFIG RUN_ID [CA_FILE [CERTIFICATE_FILE KEY_FILE]]
//
// CA_FILE verifies the server; CERTIFICATE_FILE and KEY_FILE are the caller's. Without any:
// plaintext. Prints one line for each call and one for the outcome. Exit status 0: the run is gone.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <future>
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
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include "aymara/evals/v1/eval_run_service.grpc.pb.h"

namespace {

using aymara::evals::v1::EvalRunService;
using std::chrono::milliseconds;

constexpr std::chrono::seconds kConnectionDeadline(5);
constexpr std::chrono::seconds kDeadline(20);  // of one call with all its attempts
constexpr int kSettlingCalls = 5;
constexpr milliseconds kMaxWait(10'000);

struct CallResult {
  bool ok = false;
  std::string deletion;  // what is certain about the run
  milliseconds wait{0};  // before the next call
};

// A call that deletes nothing and, unlike a deletion, does not wait until a gateway can be reached.
// Its request, for the service "", is empty; its response is not used.
grpc::Status CheckConnection(const std::shared_ptr<grpc::Channel>& channel) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kConnectionDeadline);
  const google::protobuf::Empty request;
  google::protobuf::Empty response;
  std::promise<grpc::Status> status;
  grpc::TemplatedGenericStub<google::protobuf::Empty, google::protobuf::Empty>(channel).UnaryCall(
      &context, "/grpc.health.v1.Health/Check", grpc::StubOptions(), &request, &response,
      [&status](grpc::Status result) { status.set_value(std::move(result)); });
  return status.get_future().get();
}

std::string OrDash(const std::string& text) { return text.empty() ? "-" : text; }

// One call.
CallResult Delete(EvalRunService::Stub& stub, const std::string& run, std::string request_id,
                  bool allow_missing) {
  aymara::evals::v1::DeleteEvalRunRequest request;
  request.set_eval_run_uuid(run);
  request.set_allow_missing(allow_missing);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kDeadline);
  context.AddMetadata("x-request-id", request_id);
  google::protobuf::Empty nothing;
  const grpc::Status status = stub.DeleteEvalRun(&context, request, &nothing);

  CallResult result;
  result.ok = status.ok();
  google::rpc::ErrorInfo info;
  if (status.ok()) {
    const auto& trailers = context.GetServerTrailingMetadata();
    const auto deletion = trailers.find("evalrun-deletion");
    result.deletion = deletion == trailers.end()
                          ? "performed"
                          : std::string(deletion->second.data(), deletion->second.size());
  } else {
    google::rpc::Status details;
    google::rpc::RetryInfo retry;
    google::rpc::RequestInfo named;
    // What cannot be read is not there.
    if (!details.ParseFromString(status.error_details())) details.Clear();
    for (const auto& detail : details.details()) {
      if (detail.UnpackTo(&named)) request_id = named.request_id();
      static_cast<void>(detail.UnpackTo(&retry) || detail.UnpackTo(&info));
    }
    using google::protobuf::util::TimeUtil;
    result.wait = milliseconds(TimeUtil::DurationToMilliseconds(retry.retry_delay()));
    // An error without details did not come from the gateway: the result is unknown.
    const auto deletion = info.metadata().find("deletion");
    result.deletion = deletion == info.metadata().end() ? "unknown" : deletion->second;
  }
  std::cout << absl::StreamFormat(
      "%s deletion=%s reason=%s domain=%s retry_after=%.3fs request_id=%s message=%s\n",
      google::rpc::Code_Name(static_cast<int>(status.error_code())), result.deletion,
      OrDash(info.reason()), OrDash(info.domain()),
      std::chrono::duration<double>(result.wait).count(), request_id,
      OrDash(status.error_message()));
  return result;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// With the caller's certificate if two more files, certificate and key, are given.
std::shared_ptr<grpc::ChannelCredentials> TlsCredentials(int files, char** file) {
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = ReadFile(file[0]);
  if (files == 3) {
    options.pem_cert_chain = ReadFile(file[1]);
    options.pem_private_key = ReadFile(file[2]);
  }
  return grpc::SslCredentials(options);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4 && argc != 5 && argc != 7) {
    std::cerr << "usage: delete_run ADDRESS SERVICE_CONFIG RUN_ID "
                 "[CA_FILE [CERTIFICATE_FILE KEY_FILE]]\n";
    return 2;
  }
  grpc::ChannelArguments arguments;
  arguments.SetServiceConfigJSON(ReadFile(argv[2]));
  const auto channel = grpc::CreateCustomChannel(
      argv[1], argc > 4 ? TlsCredentials(argc - 4, argv + 4) : grpc::InsecureChannelCredentials(),
      arguments);
  if (const grpc::Status checked = CheckConnection(channel); !checked.ok()) {
    std::cout << google::rpc::Code_Name(static_cast<int>(checked.error_code()))
              << " before any deletion was requested: " << checked.error_message()
              << "\nnot_performed\n";
    return 1;
  }
  const auto stub = EvalRunService::NewStub(channel);

  absl::BitGen random;
  const std::string request_id = absl::StrFormat("%016x", absl::Uniform<std::uint64_t>(random));
  const CallResult first = Delete(*stub, argv[3], request_id, /*allow_missing=*/false);
  CallResult last = first;
  // Unknown: call again. With `allow_missing`, OK means that the run is not in this workspace; any
  // other response says nothing about the first call, so the question stays open.
  for (int i = 0; first.deletion == "unknown" && !last.ok && i < kSettlingCalls; ++i) {
    const milliseconds bound = std::min(kMaxWait, milliseconds(200 << i));
    const milliseconds jittered(absl::Uniform(random, 0, static_cast<int>(bound.count())));
    std::this_thread::sleep_for(std::max(last.wait, jittered));
    last = Delete(*stub, argv[3], request_id, /*allow_missing=*/true);
  }
  std::cout << (last.ok ? "gone" : first.deletion) << "\n";
  return last.ok ? 0 : 1;
}
