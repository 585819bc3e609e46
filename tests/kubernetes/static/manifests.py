# SPDX-License-Identifier: Apache-2.0
"""deploy/kubernetes as the tests build and check it. KUSTOMIZE, KUBECONFORM and GATEWAY_UNDER_TEST name the programs."""

import os
import pathlib
import subprocess
import sys

import yaml

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[2]
DEPLOY = TOP / "deploy/kubernetes"
EXAMPLE_RUNBOOK, RUNBOOK = "https://runbooks.example.com/evalrun-gateway/RUNBOOK.md", "https://wiki.example/evalrun"
BUILT = sorted([*(DEPLOY / "overlays").iterdir(), *(HERE / "compositions").iterdir()])


def build(folder):
    return subprocess.run([os.environ["KUSTOMIZE"], "build", str(folder)], check=True, capture_output=True, text=True).stdout


def validate(text):
    """The errors of kubeconform, or an empty string."""
    done = subprocess.run(
        [os.environ["KUBECONFORM"], "-strict", "-schema-location", f"{HERE}/schemas/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"],
        input=text, capture_output=True, text=True)
    return (done.stdout + done.stderr).strip()


def objects(text):
    return [o for o in yaml.safe_load_all(text) if o]


def filled_in(text):
    """The manifests with the settings that are left to whoever deploys them."""
    for old, new in (("identities: [REPLACE-ME]", 'identities: ["*"]'), ("workspaces: [REPLACE-ME]", 'workspaces: ["*"]'),
                     ("rate: REPLACE-ME", "rate: 600/m"), (EXAMPLE_RUNBOOK, RUNBOOK)):
        text = text.replace(old, new)
    return text


def check_config(text, *options, **process):
    options = options or ("--gateway", os.environ["GATEWAY_UNDER_TEST"])
    return subprocess.run([sys.executable, DEPLOY / "check-config", *options],
                          input=text, capture_output=True, text=True, **process)


def by_kind(built, kind):
    return next(o for o in built if o["kind"] == kind)


def gateway(built):
    return by_kind(built, "Deployment")["spec"]["template"]["spec"]
