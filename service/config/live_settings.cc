// SPDX-License-Identifier: Apache-2.0

#include "service/config/live_settings.h"

#include <cstdint>
#include <memory>

#include <google/protobuf/util/message_differencer.h>

#include "service/config/setting_registry.h"
#include "service/config/yaml_writer.h"

namespace evalrun::config {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// A message of the same type in which only `field` is set, as in `message`.
std::unique_ptr<Message> CopySingleField(const Message& message, const FieldDescriptor* field) {
  std::unique_ptr<Message> copy(message.New());
  copy->CopyFrom(message);
  std::unique_ptr<Message> alone(message.New());
  message.GetReflection()->SwapFields(alone.get(), copy.get(), {field});
  return alone;
}

void ApplyLive(const Message& loaded, const std::string& path, Message* running,
               std::vector<std::string>* need_restart) {
  const auto* descriptor = loaded.GetDescriptor();
  const auto* reflection = loaded.GetReflection();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const FieldDescriptor* field = descriptor->field(i);
    const std::string name = JoinName(path, field->name());
    if (GetSetting(field).live()) {
      reflection->SwapFields(running, CopySingleField(loaded, field).get(), {field});
    } else if (!field->is_repeated() && !IsLeaf(field)) {
      ApplyLive(reflection->GetMessage(loaded, field), name,
                reflection->MutableMessage(running, field), need_restart);
    } else if (!google::protobuf::util::MessageDifferencer::Equals(
                   *CopySingleField(loaded, field), *CopySingleField(*running, field))) {
      need_restart->push_back(name);
    }
  }
}

}  // namespace

std::vector<std::string> ApplyLiveSettings(const v1::GatewayConfig& loaded,
                                           v1::GatewayConfig* running) {
  std::vector<std::string> need_restart;
  ApplyLive(loaded, "", running, &need_restart);
  return need_restart;
}

std::string HashConfig(const v1::GatewayConfig& config) {
  // FNV-1a: the hash need not resist deliberate collisions.
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (const char c : WriteYaml(config, {})) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  }
  constexpr std::string_view kHexDigits = "0123456789abcdef";
  std::string text;
  for (int shift = 60; shift >= 0; shift -= 4) text += kHexDigits[hash >> shift & 0xFU];
  return text;
}

}  // namespace evalrun::config
