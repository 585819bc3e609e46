// SPDX-License-Identifier: Apache-2.0

#include "service/grpc_adapter/reflection.h"

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <grpcpp/support/status_code_enum.h>

#include "aymara/evals/v1/eval_run_service.pb.h"
#include "service/grpc_adapter/service_names.h"

namespace evalrun::grpc_adapter {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;
using grpc::reflection::v1alpha::ServerReflectionRequest;
using grpc::reflection::v1alpha::ServerReflectionResponse;

const DescriptorPool& CompiledDescriptors() {
  // A reference, so that the linker keeps the file of our own service.
  return *aymara::evals::v1::DeleteEvalRunRequest::descriptor()->file()->pool();
}

void SetError(grpc::StatusCode code, std::string_view message, ServerReflectionResponse* response) {
  response->mutable_error_response()->set_error_code(code);
  response->mutable_error_response()->set_error_message(std::string(message));
}

void AddWithImports(const FileDescriptor& file, std::set<const FileDescriptor*>* added,
                    ServerReflectionResponse* response) {
  if (!added->insert(&file).second) return;
  google::protobuf::FileDescriptorProto proto;
  file.CopyTo(&proto);
  response->mutable_file_descriptor_response()->add_file_descriptor_proto(
      proto.SerializeAsString());
  for (int i = 0; i < file.dependency_count(); ++i) {
    AddWithImports(*file.dependency(i), added, response);
  }
}

void SetFile(const FileDescriptor* file, std::string_view what,
             ServerReflectionResponse* response) {
  if (file == nullptr) {
    SetError(grpc::StatusCode::NOT_FOUND, what, response);
    return;
  }
  std::set<const FileDescriptor*> added;
  AddWithImports(*file, &added, response);
}

const FileDescriptor* FindFileOfExtension(
    const grpc::reflection::v1alpha::ExtensionRequest& extension) {
  const Descriptor* type = CompiledDescriptors().FindMessageTypeByName(extension.containing_type());
  if (type == nullptr) return nullptr;
  const FieldDescriptor* field =
      CompiledDescriptors().FindExtensionByNumber(type, extension.extension_number());
  return field == nullptr ? nullptr : field->file();
}

void SetExtensionNumbers(const std::string& type_name, ServerReflectionResponse* response) {
  const Descriptor* type = CompiledDescriptors().FindMessageTypeByName(type_name);
  if (type == nullptr) {
    SetError(grpc::StatusCode::NOT_FOUND, "there is no such type", response);
    return;
  }
  std::vector<const FieldDescriptor*> extensions;
  CompiledDescriptors().FindAllExtensions(type, &extensions);
  auto* numbers = response->mutable_all_extension_numbers_response();
  numbers->set_base_type_name(type_name);
  for (const FieldDescriptor* extension : extensions) {
    numbers->add_extension_number(extension->number());
  }
}

}  // namespace

ServerReflectionResponse HandleReflectionRequest(const ServerReflectionRequest& request) {
  ServerReflectionResponse response;
  response.set_valid_host(request.host());
  *response.mutable_original_request() = request;
  switch (request.message_request_case()) {
    case ServerReflectionRequest::kFileByFilename:
      SetFile(CompiledDescriptors().FindFileByName(request.file_by_filename()),
              "there is no such file", &response);
      break;
    case ServerReflectionRequest::kFileContainingSymbol:
      SetFile(CompiledDescriptors().FindFileContainingSymbol(request.file_containing_symbol()),
              "there is no such symbol", &response);
      break;
    case ServerReflectionRequest::kFileContainingExtension:
      SetFile(FindFileOfExtension(request.file_containing_extension()),
              "there is no such extension", &response);
      break;
    case ServerReflectionRequest::kAllExtensionNumbersOfType:
      SetExtensionNumbers(request.all_extension_numbers_of_type(), &response);
      break;
    case ServerReflectionRequest::kListServices:
      for (const char* name : {kEvalRunServiceName, kHealthServiceName, kReflectionServiceName,
                               kReflectionAlphaServiceName}) {
        response.mutable_list_services_response()->add_service()->set_name(name);
      }
      break;
    case ServerReflectionRequest::MESSAGE_REQUEST_NOT_SET:
      SetError(grpc::StatusCode::INVALID_ARGUMENT, "nothing is asked for", &response);
      break;
  }
  return response;
}

}  // namespace evalrun::grpc_adapter
