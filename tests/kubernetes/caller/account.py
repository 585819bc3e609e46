# SPDX-License-Identifier: Apache-2.0
"""The account: every response checked against the backend's journal.

A call is {"caller", "request_id", "run", "exists", "code", "deletion", "details", "seconds"}: `exists` says whether the run
existed when the call began, `code` and `deletion` are those of the response ("" if it did not come from the gateway),
`details` is the text of an error.
"""

import collections

EXAMPLES = 5


def wrong(call, deleted_by):
    """Why the response is wrong; None if it is correct. `deleted_by`: request ids of the deletions of this run."""
    if len(deleted_by) > 1:
        return "the run was deleted more than once"
    if not call["exists"]:
        # `presumed`: the response to an attempt was lost, and the next attempt got a 404.
        if call["code"] == "OK" and call["deletion"] != "presumed":
            return "OK for a run that never existed"
        if deleted_by:
            return "a run that never existed was deleted"
        return None
    if call["code"] == "OK" and not deleted_by:
        return "OK, and the run exists"
    if call["deletion"] == "performed" and deleted_by != [call["request_id"]]:
        return "performed, and this call did not delete it"
    if call["deletion"] in ("not_performed", "absent") and deleted_by:
        return f"{call['deletion']}, and this call deleted it"
    if call["code"] == "NOT_FOUND":
        return "NOT_FOUND for a run that exists"
    return None


def failed(call):
    """Whether the response differs from that of a working gateway."""
    return (call["code"], call["deletion"]) not in (
        [("OK", "performed"), ("OK", "presumed")] if call["exists"] else [("NOT_FOUND", "absent"), ("OK", "presumed")])


def not_connected(call):
    """Whether the call failed because no connection could be made, by gRPC's text."""
    return call["code"] == "UNAVAILABLE" and call["details"].startswith("failed to connect to all addresses")


def percentile(ordered, share):
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0


def of(calls, journal):
    """The account of all calls, with the journal's rows about them."""
    deleted_by = collections.defaultdict(list)
    for row in journal:
        if row["outcome"] == "deleted":
            deleted_by[row["eval_run_uuid"]].append(row["request_id"])
    result = {"calls": len(calls), "gone": sum(call["exists"] and call["code"] == "OK" for call in calls),
              "failed": 0, "not_connected": sum(map(not_connected, calls)), "wrong": 0,
              "callers": {}, "failures": [], "wrongs": [],
              "journal": {"rows": len(journal), "deleted": sum(map(len, deleted_by.values())),
                          "keys": dict(collections.Counter(row["key_name"] for row in journal))}}
    for name in sorted({call["caller"] for call in calls}):
        of_caller = [call for call in calls if call["caller"] == name]
        ordered = sorted(call["seconds"] for call in of_caller)
        result["callers"][name] = {
            "calls": len(of_caller), "failed": 0, "wrong": 0,
            "responses": dict(collections.Counter(f"{call['code']} {call['deletion']}".strip() for call in of_caller)),
            "p50_ms": round(percentile(ordered, 0.5) * 1000, 1),
            "p99_ms": round(percentile(ordered, 0.99) * 1000, 1),
            "max_ms": round(ordered[-1] * 1000, 1)}
    for call in calls:
        why = wrong(call, deleted_by[call["run"]])
        for is_so, kind, examples in ((failed(call), "failed", "failures"), (why, "wrong", "wrongs")):
            if is_so:
                result[kind] += 1
                result["callers"][call["caller"]][kind] += 1
                if len(result[examples]) < EXAMPLES:
                    result[examples].append({**call, "why": why})
    return result
