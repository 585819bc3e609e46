// File: case_name.h
//
// Names a test of a table after its row.
#ifndef EVALRUN_TESTS_INTEGRATION_BACKEND_CASE_NAME_H_
#define EVALRUN_TESTS_INTEGRATION_BACKEND_CASE_NAME_H_

#include <string>

#include <gtest/gtest.h>

namespace evalrun::backend {

// For INSTANTIATE_TEST_SUITE_P: a row's `name`, letters and digits only.
struct CaseName {
  template <typename Case>
  std::string operator()(const testing::TestParamInfo<Case>& row) const {
    return row.param.name;
  }
};

}  // namespace evalrun::backend

#endif  // EVALRUN_TESTS_INTEGRATION_BACKEND_CASE_NAME_H_
