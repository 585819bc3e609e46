// SPDX-License-Identifier: Apache-2.0

#include "service/config/yaml_reader.h"

#include <exception>
#include <optional>
#include <set>

#include <absl/status/status.h>
#include <yaml-cpp/yaml.h>

#include "service/config/field_value.h"
#include "service/config/text.h"
#include "service/config/yaml_documents.h"
#include "service/text/did_you_mean.h"

namespace evalrun::config {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

class Reader {
 public:
  Reader(std::string_view file_name, Sources* sources, std::vector<std::string>* errors)
      : file_name_(Escape(file_name)), sources_(*sources), errors_(*errors) {}

  void ReadMap(const YAML::Node& node, const std::string& path, Message* message) {
    std::set<std::string> seen;
    for (const auto& entry : node) {
      const YAML::Mark mark = entry.first.Mark();
      if (!entry.first.IsScalar()) {
        AddError(path.empty() ? "document" : path, mark, "each key must be a plain name");
        continue;
      }
      const std::string& name = entry.first.Scalar();
      const std::string key = JoinName(path, name);
      if (!seen.insert(name).second) {
        AddError(key, mark, "the key stands there twice");
        continue;
      }
      const FieldDescriptor* field = message->GetDescriptor()->FindFieldByName(name);
      if (field == nullptr) {
        AddError(key, mark,
                 Concat("unknown key", text::DidYouMean(key, Candidates(*message, path))));
        continue;
      }
      ReadField(entry.second, key, mark, field, message);
    }
  }

  void AddError(std::string_view key, const YAML::Mark& mark, std::string_view what) {
    errors_.push_back(Concat(Escape(key), " (", At(mark), "): ", what));
  }

 private:
  std::string At(const YAML::Mark& mark) const { return Concat(file_name_, ":", mark.line + 1); }

  // All keys, and, for a key without its section, the settings by their last name.
  static std::vector<text::Candidate> Candidates(const Message& message, const std::string& path) {
    std::vector<text::Candidate> candidates;
    const auto* descriptor = message.GetDescriptor();
    for (int i = 0; i < descriptor->field_count(); ++i) {
      const std::string key = JoinName(path, descriptor->field(i)->name());
      candidates.push_back({key, key});
    }
    for (const SettingInfo& setting : AllSettings()) {
      candidates.push_back({setting.name, setting.name});
      candidates.push_back({setting.flag, setting.name});
      candidates.push_back({JoinName(path, setting.field()->name()), setting.name});
    }
    return candidates;
  }

  void ReadField(const YAML::Node& node, const std::string& key, const YAML::Mark& key_mark,
                 const FieldDescriptor* field, Message* message) {
    if (!field->is_repeated()) {
      ReadValue(node, key, key_mark, field, message);
      return;
    }
    if (!node.IsSequence()) {
      AddError(key, key_mark, "must be a list");
      return;
    }
    int index = 0;
    for (const YAML::Node& element : node) {
      ReadValue(element, Concat(key, "[", index++, "]"), element.Mark(), field, message);
    }
  }

  void ReadValue(const YAML::Node& node, const std::string& key, const YAML::Mark& key_mark,
                 const FieldDescriptor* field, Message* message) {
    if (IsLeaf(field)) {
      ReadScalar(node, key, key_mark, field, message);
    } else if (node.IsMap() || node.IsNull()) {
      const auto* reflection = message->GetReflection();
      Message* inner = field->is_repeated() ? reflection->AddMessage(message, field)
                                            : reflection->MutableMessage(message, field);
      if (field->is_repeated()) SetDefaults(inner);
      if (node.IsMap()) ReadMap(node, key, inner);
    } else {
      AddError(key, key_mark, "must be a map of keys, not a list or a value");
    }
  }

  void ReadScalar(const YAML::Node& node, const std::string& key, const YAML::Mark& key_mark,
                  const FieldDescriptor* field, Message* message) {
    if (node.IsNull()) {
      AddError(key, key_mark, "has no value");
      return;
    }
    if (!node.IsScalar()) {
      AddError(key, key_mark, "must be one value, not a list or a map");
      return;
    }
    const std::string& text = node.Scalar();
    const bool is_text = field->cpp_type() == FieldDescriptor::CPPTYPE_STRING ||
                         field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE ||
                         field->cpp_type() == FieldDescriptor::CPPTYPE_ENUM;
    absl::Status status = node.Tag() == "!" && !is_text
                              ? absl::InvalidArgumentError("must stand without quotes")
                              : SetFromText(field, text, message);
    if (!status.ok()) {
      errors_.push_back(Concat(Escape(key), " = ", ShowValue(field, text), " (from ",
                               At(node.Mark()), "): ", status.message()));
      return;
    }
    sources_[key] = At(node.Mark());
  }

  std::string file_name_;
  Sources& sources_;
  std::vector<std::string>& errors_;
};

std::string_view LineAt(std::string_view text, int number) {
  for (; number > 0 && !text.empty(); --number) {
    const std::size_t end = text.find('\n');
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return text.substr(0, text.find('\n'));
}

// What to write instead, for mistakes whose message by yaml-cpp does not say so; or empty.
std::string_view Advice(std::string_view text, const YAML::Exception& error) {
  const std::string_view line = LineAt(text, error.mark.line);
  const std::string_view indentation = line.substr(0, line.find_first_not_of(" \t"));
  if (indentation.find('\t') != std::string_view::npos) {
    return "; YAML is indented with spaces, and this line begins with a tab";
  }
  if (error.msg == YAML::ErrorMsg::ALIAS_NOT_FOUND) {
    return "; a value that begins with * is written in quotes: '*'";
  }
  if (error.msg == YAML::ErrorMsg::UNKNOWN_TOKEN) {
    return "; a value that begins with a sign such as @, % or ` is written in quotes";
  }
  return {};
}

}  // namespace

void ReadYaml(const std::string& yaml, std::string_view file_name, Message* message,
              Sources* sources, std::vector<std::string>* errors) {
  Reader reader(file_name, sources, errors);
  // With a newline at the end, yaml-cpp accepts a quote that is never closed and reads the rest of
  // the file as one value.
  const std::string text = yaml.substr(0, yaml.find_last_not_of(" \r\n") + 1);
  try {
    if (const std::optional<YAML::Mark> second = FindSecondDocument(text)) {
      reader.AddError("document", *second, "a file is one document, and another begins here");
      return;
    }
    const YAML::Node document = YAML::Load(text);
    if (document.IsNull()) return;
    if (!document.IsMap()) {
      reader.AddError("document", document.Mark(), "must be a map of keys");
      return;
    }
    reader.ReadMap(document, "", message);
  } catch (const YAML::Exception& e) {
    reader.AddError("document", e.mark, Concat("not YAML: ", Escape(e.msg), Advice(text, e)));
  } catch (const std::exception& e) {
    errors->push_back(Concat(Escape(file_name), ": cannot be read as YAML: ", Escape(e.what())));
  }
}

}  // namespace evalrun::config
