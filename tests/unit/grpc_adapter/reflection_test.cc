// SPDX-License-Identifier: Apache-2.0

#include "service/grpc_adapter/reflection.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>
#include <grpcpp/support/status_code_enum.h>
#include <gtest/gtest.h>

namespace evalrun::grpc_adapter {
namespace {

using grpc::reflection::v1alpha::ServerReflectionRequest;
using grpc::reflection::v1alpha::ServerReflectionResponse;
using ::testing::Contains;
using ::testing::ElementsAre;

// The names of the files in a response; every one must parse.
std::vector<std::string> FileNames(const ServerReflectionResponse& response) {
  std::vector<std::string> names;
  for (const std::string& bytes : response.file_descriptor_response().file_descriptor_proto()) {
    google::protobuf::FileDescriptorProto file;
    EXPECT_TRUE(file.ParseFromString(bytes));
    names.push_back(file.name());
  }
  return names;
}

constexpr const char* kApiFile = "aymara/evals/v1/eval_run_service.proto";

TEST(ReflectionTest, ListsTheServices) {
  ServerReflectionRequest request;
  request.set_list_services("");
  const ServerReflectionResponse response = HandleReflectionRequest(request);
  std::vector<std::string> names;
  for (const auto& service : response.list_services_response().service()) {
    names.push_back(service.name());
  }
  EXPECT_THAT(names, ElementsAre("aymara.evals.v1.EvalRunService", "grpc.health.v1.Health",
                                 "grpc.reflection.v1.ServerReflection",
                                 "grpc.reflection.v1alpha.ServerReflection"));
}

TEST(ReflectionTest, DescribesEveryListedService) {
  ServerReflectionRequest list;
  list.set_list_services("");
  const ServerReflectionResponse listed = HandleReflectionRequest(list);
  for (const auto& service : listed.list_services_response().service()) {
    ServerReflectionRequest request;
    request.set_file_containing_symbol(service.name());
    EXPECT_FALSE(FileNames(HandleReflectionRequest(request)).empty()) << service.name();
  }
}

TEST(ReflectionTest, ReturnsAFileOnceWithItsImports) {
  ServerReflectionRequest request;
  request.set_file_by_filename(kApiFile);
  const std::vector<std::string> files = FileNames(HandleReflectionRequest(request));
  EXPECT_THAT(files, Contains(kApiFile).Times(1));
  EXPECT_THAT(files, Contains("google/api/annotations.proto").Times(1));
  EXPECT_THAT(files, Contains("google/protobuf/descriptor.proto").Times(1));
}

TEST(ReflectionTest, FindsTheFileOfASymbol) {
  for (const char* symbol :
       {"aymara.evals.v1.EvalRunService", "aymara.evals.v1.EvalRunService.DeleteEvalRun",
        "aymara.evals.v1.DeleteEvalRunRequest",
        "aymara.evals.v1.DeleteEvalRunRequest.allow_missing"}) {
    ServerReflectionRequest request;
    request.set_file_containing_symbol(symbol);
    EXPECT_EQ(FileNames(HandleReflectionRequest(request)).at(0), kApiFile) << symbol;
  }
}

TEST(ReflectionTest, FindsExtensionsByNumberAndByType) {
  ServerReflectionRequest one;
  one.mutable_file_containing_extension()->set_containing_type("google.protobuf.MethodOptions");
  one.mutable_file_containing_extension()->set_extension_number(72295728);  // google.api.http
  EXPECT_EQ(FileNames(HandleReflectionRequest(one)).at(0), "google/api/annotations.proto");

  ServerReflectionRequest all;
  all.set_all_extension_numbers_of_type("google.protobuf.MethodOptions");
  const ServerReflectionResponse response = HandleReflectionRequest(all);
  EXPECT_EQ(response.all_extension_numbers_response().base_type_name(),
            "google.protobuf.MethodOptions");
  EXPECT_THAT(response.all_extension_numbers_response().extension_number(), Contains(72295728));
}

TEST(ReflectionTest, ReturnsNotFoundForUnknownNames) {
  std::vector<ServerReflectionRequest> requests(4);
  requests[0].set_file_by_filename("no/such.proto");
  requests[1].set_file_containing_symbol("no.Such");
  requests[2].mutable_file_containing_extension()->set_containing_type("no.Such");
  requests[3].set_all_extension_numbers_of_type("no.Such");
  for (const ServerReflectionRequest& request : requests) {
    EXPECT_EQ(HandleReflectionRequest(request).error_response().error_code(),
              grpc::StatusCode::NOT_FOUND)
        << request.ShortDebugString();
  }
}

TEST(ReflectionTest, ResponseContainsItsRequest) {
  ServerReflectionRequest request;
  request.set_host("here");
  const ServerReflectionResponse response = HandleReflectionRequest(request);
  EXPECT_EQ(response.valid_host(), "here");
  EXPECT_EQ(response.original_request().host(), "here");
  EXPECT_EQ(response.error_response().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

}  // namespace
}  // namespace evalrun::grpc_adapter
