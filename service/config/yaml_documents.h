// SPDX-License-Identifier: Apache-2.0
//
// File: yaml_documents.h
//
// Checks that a file holds one YAML document.
#ifndef EVALRUN_SERVICE_CONFIG_YAML_DOCUMENTS_H_
#define EVALRUN_SERVICE_CONFIG_YAML_DOCUMENTS_H_

#include <optional>
#include <string>

#include <yaml-cpp/mark.h>

namespace evalrun::config {

// Where a second document begins, if there is one. Throws YAML::Exception when `yaml` is not YAML.
//
// YAML::Load() ignores all but the first document, and YAML::LoadAll() of yaml-cpp 0.7 allocates
// documents without end for a text that begins with a comma.
[[nodiscard]] std::optional<YAML::Mark> FindSecondDocument(const std::string& yaml);

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_YAML_DOCUMENTS_H_
