# SPDX-License-Identifier: Apache-2.0
"""The server's certificate and the authority of all certificates are replaced under continuous load, in
the order that service/config/README.md recommends: no call fails."""

import concurrent.futures
import threading

from evalrun_testing.client import SERVER_NAME, Client
from evalrun_testing.wait_until import wait_until

CALLERS = 4  # of each kind
CALLS_PER_CONNECTION = 5
SERVED = "NOT_FOUND"  # the backend's response for a run that does not exist


def test_certificate_rotation_fails_no_call(make_deployment, tmp_path, authority, untrusted_authority):
    deployment = make_deployment(authority=authority, client_certificates="required")
    old, new = authority, untrusted_authority
    both = tmp_path / "both.pem"
    both.write_bytes(old.certificate.read_bytes() + new.certificate.read_bytes())
    pairs = {"old": old.issue("caller", "DNS:caller.test"),
             "new": new.issue("caller", "DNS:caller.test")}
    current = "old"  # the pair that callers present on new connections
    presented = ["old"] * CALLERS  # by each caller, on its latest connection
    stop = threading.Event()

    def call_on_one_connection():
        responses = []
        with Client(deployment.gateway.grpc_address, trusted_ca=both, pair=pairs["old"]) as client:
            while not stop.is_set():
                responses.append(client.call())
        return responses

    def call_on_many_connections(number):
        responses = []
        while not stop.is_set():
            presented[number] = current
            with Client(deployment.gateway.grpc_address, trusted_ca=both,
                        pair=pairs[current]) as client:
                responses += [client.call() for _ in range(CALLS_PER_CONNECTION)]
        return responses

    with concurrent.futures.ThreadPoolExecutor(2 * CALLERS) as pool:
        pending = [pool.submit(call_on_one_connection) for _ in range(CALLERS)]
        pending += [pool.submit(call_on_many_connections, number) for number in range(CALLERS)]
        try:
            # 1. The gateway trusts both authorities, as callers do.
            deployment.replace_certificates(deployment.pair, both)
            deployment.gateway.wait_for_credential_reload(count=1)
            # 2. The gateway and its callers present certificates of the new authority.
            deployment.replace_certificates(new.issue("server", f"DNS:{SERVER_NAME}"), both)
            deployment.gateway.wait_for_credential_reload(count=2)
            current = "new"
            # 3. The old authority is removed once nobody presents a certificate of it.
            wait_until(lambda: set(presented) == {"new"})
            deployment.replace_certificates(new.issue("server", f"DNS:{SERVER_NAME}"), new.certificate)
            deployment.gateway.wait_for_credential_reload(count=3)
            assert deployment.connect(pairs["old"], trusted_ca=both).delete() == "UNAVAILABLE"
        finally:
            stop.set()
        responses = [response for future in pending for response in future.result()]
    assert len(responses) > 100 * CALLERS
    assert [response for response in responses if response[0] != SERVED] == []
