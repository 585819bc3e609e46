# SPDX-License-Identifier: Apache-2.0
"""Implements `run`, which documents the options."""

import argparse
import json
import pathlib
import sys
import time
import traceback
import xml.etree.ElementTree as ElementTree

from evalrun_kubernetes import cluster_deployment, controls, installation, monitoring, phases
from evalrun_kubernetes.kubectl import Failed

PHASES = {function.__name__.replace("_", "-"): function for function in (
    phases.steady, phases.identity, monitoring.prometheus, phases.rolling_restart, phases.rollback, phases.node_drain,
    phases.late_endpoints, phases.scale, phases.autoscaling, phases.key_rotation, phases.certificate_rotation,
    phases.backend_restart, phases.disruption_budget,
    phases.frozen_process, installation.production_overlay, installation.helm, controls.health_over_cluster_ip,
    controls.without_drain_delay, controls.without_readiness,
    controls.without_connection_age)}


def options():
    parser = argparse.ArgumentParser(prog="run")
    for name in ("gateway", "backend", "caller"):
        parser.add_argument(f"--{name}", metavar="IMAGE")
    parser.add_argument("--pull-policy", default="IfNotPresent")
    parser.add_argument("--storage-path", default="")
    parser.add_argument("--storage-node", default="")
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--junit", type=pathlib.Path)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("phases", nargs="*", metavar="PHASE")
    given = parser.parse_args()
    if given.list:
        print("\n".join(PHASES))
        sys.exit(0)
    if not (given.gateway and given.backend and given.caller):
        parser.error("--gateway, --backend and --caller are needed")
    if unknown := set(given.phases) - set(PHASES):
        parser.error(f"there is no phase {', '.join(sorted(unknown))}")
    return given


def show(name, verdict, seconds, line, account):
    print(f"{verdict:<7} {seconds:5.0f} s  {name}: {line}", flush=True)
    if account:
        print(f"{'':16} calls {account['calls']}, failed {account['failed']}, wrong {account['wrong']}; journal: "
              f"{account['journal']['deleted']} deleted, {account['journal']['rows']} requested", flush=True)
        for caller, seen in account["callers"].items():
            print(f"{'':16} {caller}: {seen['responses']}, p50 {seen['p50_ms']} ms, p99 {seen['p99_ms']} ms", flush=True)


def junit(accounts):
    """As ctest writes it, for tests/summary."""
    suite = ElementTree.Element("testsuite", name="kubernetes")
    for name, phase in accounts.items():
        status = {"ok": "run", "skipped": "disabled", "FAILED": "fail"}[phase["verdict"]]
        case = ElementTree.SubElement(suite, "testcase", name=f"kubernetes.{name}", status=status)
        if phase["verdict"] == "FAILED":
            ElementTree.SubElement(case, "failure", message=phase["line"])
    return ElementTree.tostring(suite, encoding="unicode") + "\n"


def main():
    given = options()
    images = cluster_deployment.Images(given.gateway, given.backend, given.caller, given.pull_policy)
    begun = time.monotonic()
    deployment = cluster_deployment.make(images, given.storage_path, given.storage_node)
    print(f"{'ready':<7} {time.monotonic() - begun:5.0f} s  namespace {deployment.namespace.name}", flush=True)
    accounts, failed, skipped = {}, [], []
    try:
        for name, phase in PHASES.items():
            if given.phases and name not in given.phases:
                continue
            begun = time.monotonic()
            verdict, account, deployment.last_account = "ok", None, None
            try:
                line, account = phase(deployment)
                if line.startswith("skipped"):
                    verdict = "skipped"
                    skipped.append(name)
            except Failed as why:
                verdict, line, account = "FAILED", str(why), deployment.last_account
                failed.append(name)
            except Exception:  # continue with the other phases
                verdict, line = "FAILED", traceback.format_exc()
                failed.append(name)
            show(name, verdict, time.monotonic() - begun, line, account)
            accounts[name] = {"verdict": verdict, "line": line, "account": account}
    finally:
        if not given.keep:
            cluster_deployment.remove(deployment)
        if given.json:
            given.json.write_text(json.dumps(accounts, indent=1) + "\n")
        if given.junit:
            given.junit.write_text(junit(accounts))
    print(f"{len(accounts) - len(failed) - len(skipped)} passed, {len(failed)} failed"
          + (f", {len(skipped)} skipped" if skipped else ""))
    return 1 if failed or not accounts else 0


sys.exit(main())
