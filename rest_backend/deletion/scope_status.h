// SPDX-License-Identifier: Apache-2.0
//
// File: scope_status.h
//
// The scope of a request is the API key and the workspace that it was sent with. The API answers a
// missing organization, a missing workspace and a missing run with the same 404, so a 404 is
// evidence that the run is absent only when its scope is known to exist.
#ifndef EVALRUN_REST_BACKEND_DELETION_SCOPE_STATUS_H_
#define EVALRUN_REST_BACKEND_DELETION_SCOPE_STATUS_H_

namespace evalrun::deletion {

enum class ScopeStatus {
  kProven,        // the workspace exists in the API key's organization
  kMissing,       // the API says that the workspace or the organization does not exist
  kUnverifiable,  // the API could not be asked, or did not say
};

}  // namespace evalrun::deletion

#endif  // EVALRUN_REST_BACKEND_DELETION_SCOPE_STATUS_H_
