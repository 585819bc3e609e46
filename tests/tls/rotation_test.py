"""The server's certificate and the authority of all certificates change under continuous load, in
the order that service/config/README.md recommends: no call fails."""

import concurrent.futures
import threading
import time

from conftest import NAME, Caller, wait_for_reload

CALLERS = 4
CALLS_PER_CONNECTION = 5
SERVED = "NOT_FOUND"  # of a run that nobody knows, by the backend


def wait_until(holds, timeout=20):
    end = time.monotonic() + timeout
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_certificate_rotation_fails_no_call(make_house, tmp_path, untrusted_authority):
    house = make_house(client_certificates="required")
    old, new = house.authority, untrusted_authority
    both = tmp_path / "both.pem"
    both.write_bytes(old.certificate.read_bytes() + new.certificate.read_bytes())
    pairs = {"old": old.issue("caller", "DNS:caller.test"),
             "new": new.issue("caller", "DNS:caller.test")}
    mine = "old"  # what callers are to show
    shown = ["old"] * CALLERS
    stop = threading.Event()

    def call_over_one_connection():
        outcomes = []
        with Caller(house.gateway.grpc_address, both, pairs["old"]) as caller:
            while not stop.is_set():
                outcomes.append(caller.ask())
        return outcomes

    def call_over_many(number):
        outcomes = []
        while not stop.is_set():
            shown[number] = mine
            with Caller(house.gateway.grpc_address, both, pairs[mine]) as caller:
                outcomes += [caller.ask() for _ in range(CALLS_PER_CONNECTION)]
        return outcomes

    with concurrent.futures.ThreadPoolExecutor(2 * CALLERS) as pool:
        pending = [pool.submit(call_over_one_connection) for _ in range(CALLERS)]
        pending += [pool.submit(call_over_many, number) for number in range(CALLERS)]
        try:
            # 1. The gateway accepts certificates of either authority, as callers do.
            house.replace(house.pair, both)
            wait_for_reload(house.gateway, count=1)
            # 2. Everybody shows one of the other authority.
            house.replace(new.issue("server", f"DNS:{NAME}"), both)
            wait_for_reload(house.gateway, count=2)
            mine = "new"
            # 3. The old authority is taken out, once nobody shows a certificate of it.
            wait_until(lambda: set(shown) == {"new"})
            house.replace(new.issue("server", f"DNS:{NAME}"), new.certificate)
            wait_for_reload(house.gateway, count=3)
            assert house.caller(pairs["old"], trusting=both).delete() == "UNAVAILABLE"
        finally:
            stop.set()
        outcomes = [outcome for one in pending for outcome in one.result()]
    assert len(outcomes) > 100 * CALLERS
    assert [outcome for outcome in outcomes if outcome[0] != SERVED] == []
