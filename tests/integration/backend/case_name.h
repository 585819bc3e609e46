// SPDX-License-Identifier: Apache-2.0
//
// File: case_name.h
//
// Names a parameterized test after its case.
#ifndef EVALRUN_TESTS_INTEGRATION_BACKEND_CASE_NAME_H_
#define EVALRUN_TESTS_INTEGRATION_BACKEND_CASE_NAME_H_

#include <string>

#include <gtest/gtest.h>

namespace evalrun::backend {

// For INSTANTIATE_TEST_SUITE_P: the case's `name`, reduced to letters and digits.
struct CaseName {
  template <typename Case>
  std::string operator()(const testing::TestParamInfo<Case>& row) const {
    return row.param.name;
  }
};

}  // namespace evalrun::backend

#endif  // EVALRUN_TESTS_INTEGRATION_BACKEND_CASE_NAME_H_
