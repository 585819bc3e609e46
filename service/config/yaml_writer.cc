// SPDX-License-Identifier: Apache-2.0

#include "service/config/yaml_writer.h"

#include <string_view>

#include <yaml-cpp/yaml.h>

#include "service/config/field_value.h"
#include "service/config/text.h"
#include "service/config/upstream_url.h"

namespace evalrun::config {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

class Writer {
 public:
  explicit Writer(const Sources& sources) : sources_(sources) {}

  void WriteMap(const Message& message, const std::string& path) {
    emitter_ << YAML::BeginMap;
    const auto* descriptor = message.GetDescriptor();
    for (int i = 0; i < descriptor->field_count(); ++i) {
      const FieldDescriptor* field = descriptor->field(i);
      const std::string name = JoinName(path, field->name());
      emitter_ << YAML::Key << field->name() << YAML::Value;
      field->is_repeated() ? WriteList(message, field, name) : WriteValue(message, field, name, -1);
    }
    emitter_ << YAML::EndMap;
  }

  [[nodiscard]] std::string text() const { return Concat(emitter_.c_str(), "\n"); }

 private:
  void WriteList(const Message& message, const FieldDescriptor* field, const std::string& name) {
    emitter_ << YAML::BeginSeq;
    const int size = message.GetReflection()->FieldSize(message, field);
    for (int i = 0; i < size; ++i) {
      WriteValue(message, field, Concat(name, "[", i, "]"), i);
    }
    emitter_ << YAML::EndSeq;
  }

  // `index` is -1 for a field that is not repeated.
  void WriteValue(const Message& message, const FieldDescriptor* field, const std::string& name,
                  int index) {
    if (!IsLeaf(field)) {
      const auto* reflection = message.GetReflection();
      WriteMap(index < 0 ? reflection->GetMessage(message, field)
                         : reflection->GetRepeatedMessage(message, field, index),
               name);
      return;
    }
    std::string text = FieldText(message, field, index);
    if (GetSetting(field).format() == v1::FORMAT_PROXY_URL) text = MaskCredentials(text);
    emitter_ << text;
    if (const auto source = sources_.find(name); source != sources_.end()) {
      emitter_ << YAML::Comment(Concat("from ", source->second));
    }
  }

  const Sources& sources_;
  YAML::Emitter emitter_;
};

}  // namespace

std::string WriteYaml(const Message& message, const Sources& sources) {
  Writer writer(sources);
  writer.WriteMap(message, "");
  return writer.text();
}

}  // namespace evalrun::config
