# SPDX-License-Identifier: Apache-2.0
"""What must be seen of each of the seven faults (faults.py), on the real programs."""

import pytest

import faults
from prometheus_process import IS_MISSING
from runbook import anchors

pytestmark = pytest.mark.skipif(IS_MISSING, reason="prometheus (Debian package)")

# Texts that must be on the page and in the log, the alert and the panel that tell the fault from others.
EXPECTED = {
    "vendor-down": ("UNAVAILABLE UPSTREAM_CONNECT_FAILED", "call warning UPSTREAM_CONNECT_FAILED",
                    "EvalrunAvailabilityBurnsFast", "Failed calls"),
    "wrong-key": ("UNAUTHENTICATED AUTH_INVALID_KEY, HTTP 401", "call error AUTH_INVALID_KEY",
                  "EvalrunUpstreamRefusesKey", "Responses that an operator has to act on"),
    "key-without-right": ("PERMISSION_DENIED AUTH_INSUFFICIENT_PERMISSIONS, HTTP 403",
                          "call error AUTH_INSUFFICIENT_PERMISSIONS",
                          "EvalrunUpstreamForbids", "Responses that an operator has to act on"),
    "wrong-base-path": ("UNAVAILABLE UPSTREAM_UNRECOGNIZED_404, HTTP 404", "call error UPSTREAM_UNRECOGNIZED_404",
                        "EvalrunUnrecognized404", "Responses that an operator has to act on"),
    "slow-vendor": ("slowest call 2", "call info, duration > 1 s", "EvalrunLatencyBurnsFast", "Latency of an attempt"),
    "flood": ("top caller metadata:flooder", "call info RATE_LIMITED", None, "Top callers: calls in 5 minutes"),
    "missing-organization": ("FAILED_PRECONDITION SCOPE_NOT_FOUND", "call info SCOPE_NOT_FOUND",
                             "EvalrunScopeNotFound", "Checks of the workspace after a 404"),
}


@pytest.mark.parametrize("name", faults.FAULTS)
def test_what_an_operator_sees(name, tmp_path):
    page, log, alert, panel = EXPECTED[name]
    seen = faults.watch(faults.FAULTS[name], tmp_path)
    assert any(page in text for text in seen.page), seen.page
    assert any(log in text for text in seen.log), seen.log
    assert panel in seen.panels
    if alert is None:
        assert seen.alerts == []
    else:
        assert f"{alert} (firing)" in seen.alerts
    assert seen.runbook and all(link.rpartition("#")[2].rstrip(")") in anchors() for link in seen.runbook), seen.runbook
