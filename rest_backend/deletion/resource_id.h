// SPDX-License-Identifier: Apache-2.0
//
// File: resource_id.h
//
// Which strings identify an eval run or a workspace, and when two of them identify the same one.
//
// Aymara's ids are UUIDs, bare or after one type prefix: `score_run.954d54bc-...`,
// `workspace.954d54bc-...`. Nothing else may reach a URL: `..`, an empty string or a NUL would
// turn the deletion of one run into another request.
#ifndef EVALRUN_REST_BACKEND_DELETION_RESOURCE_ID_H_
#define EVALRUN_REST_BACKEND_DELETION_RESOURCE_ID_H_

#include <string>
#include <string_view>

namespace evalrun::deletion {

enum class IdFormat {
  // A UUID of 36 characters in either case, optionally after one type prefix: a lower-case letter,
  // then lower-case letters, digits and `_`, then a dot.
  kUuid,
  // 1 to 128 of `A-Z a-z 0-9 . _ -`, but not dots alone.
  kOpaque,
};

// Whether `id` is well-formed. A well-formed id of either format consists of RFC 3986's unreserved
// characters only and is not a dot segment, so it needs no encoding in a path or query.
[[nodiscard]] bool IsWellFormedId(std::string_view id, IdFormat format);

// For an error message: completes the sentence "`eval_run_uuid` must be ...".
[[nodiscard]] std::string_view DescribeIdFormat(IdFormat format);

// The one form for all spellings of an id: without a type prefix, in lower case. Compare, limit and
// log this form; send the caller's own spelling. An id that is not a UUID is its own canonical
// form.
[[nodiscard]] std::string CanonicalId(std::string_view id);

// The UUID that `id` ends with, in the form of CanonicalId(), in whichever case and with or without
// hyphens; empty when there is none. An upstream may take a spelling that CanonicalId() does not
// know.
[[nodiscard]] std::string TrailingUuid(std::string_view id);

}  // namespace evalrun::deletion

#endif  // EVALRUN_REST_BACKEND_DELETION_RESOURCE_ID_H_
