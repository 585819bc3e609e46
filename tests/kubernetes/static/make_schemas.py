#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make_schemas.py SWAGGER.json CRD.yaml...: writes schemas/ for kubeconform: strict JSON schemas of the kinds that
deploy/kubernetes uses.

SWAGGER.json is api/openapi-spec/swagger.json of k8s.io/kubernetes v1.34.4; the CRDs are podmonitors and prometheusrules of
example/prometheus-operator-crd of github.com/prometheus-operator/prometheus-operator v0.85.0, certificates of deploy/crds
of github.com/cert-manager/cert-manager v1.18.2 (without its lines for Helm), and virtualservices and peerauthentications of
kubernetes/customresourcedefinitions.gen.yaml of istio.io/api v1.28.0, each in a file of its own.
"""

import json
import pathlib
import sys

import yaml

OUT = pathlib.Path(__file__).resolve().parent / "schemas"
KINDS = {("", "v1"): ["ConfigMap", "Namespace", "PersistentVolumeClaim", "Pod", "Secret", "Service", "ServiceAccount"],
         ("apps", "v1"): ["Deployment"], ("autoscaling", "v2"): ["HorizontalPodAutoscaler"],
         ("networking.k8s.io", "v1"): ["NetworkPolicy"], ("policy", "v1"): ["PodDisruptionBudget"]}
KEPT = ("required", "enum", "format", "minimum", "maximum", "pattern", "minLength", "maxLength", "minItems", "maxItems")
REFERENCE = "_definitions.json#/definitions/"
METADATA = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"


def strict(schema, top=False):
    """The schema without descriptions, and closed: unknown properties are errors."""
    if "$ref" in schema:
        return {"$ref": REFERENCE + schema["$ref"].rsplit("/", 1)[1]}
    result = {key: value for key, value in schema.items() if key in KEPT}
    if schema.get("format") == "int-or-string" or schema.get("x-kubernetes-int-or-string"):
        result.pop("format", None)
        result["type"] = ["string", "integer"]
    elif "type" in schema:
        result["type"] = schema["type"]
    if result.get("format") in ("byte", "int32", "int64", "double"):
        del result["format"]
    if "items" in schema:
        result["items"] = strict(schema["items"])
    if "properties" in schema:
        result["properties"] = {name: strict(value) for name, value in schema["properties"].items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            result["additionalProperties"] = False
    if isinstance(schema.get("additionalProperties"), dict):
        result["additionalProperties"] = strict(schema["additionalProperties"])
    return result


def definition(name, schema):
    if name.endswith(".resource.Quantity"):
        return {"type": ["string", "number"]}
    if name.endswith(".intstr.IntOrString"):
        return {"type": ["string", "integer"]}
    return strict(schema)


def references(schema):
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key == "$ref":
                yield value.removeprefix(REFERENCE)
            else:
                yield from references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from references(value)


def write(group, version, kind, schema):
    schema.setdefault("properties", {}).update(
        kind={"enum": [kind]}, apiVersion={"enum": [f"{group}/{version}" if group else version]})
    schema["required"] = sorted({*schema.get("required", []), "apiVersion", "kind", "metadata"})
    name = "-".join(filter(None, (kind.lower(), group.split(".")[0], version)))
    (OUT / f"{name}.json").write_text(json.dumps(schema, sort_keys=True) + "\n")


def main(swagger, *crds):
    definitions = json.loads(pathlib.Path(swagger).read_text())["definitions"]
    OUT.mkdir(exist_ok=True)
    wanted = [METADATA]
    for name, schema in definitions.items():
        for kind in schema.get("x-kubernetes-group-version-kind", []):
            if kind["kind"] in KINDS.get((kind["group"], kind["version"]), []):
                closed = definition(name, schema)
                wanted.extend(references(closed))
                write(kind["group"], kind["version"], kind["kind"], closed)
    for path in crds:
        crd = yaml.safe_load(pathlib.Path(path).read_text())["spec"]
        for version in filter(lambda each: each["storage"], crd["versions"]):
            closed = strict(version["schema"]["openAPIV3Schema"])
            closed["properties"]["metadata"] = {"$ref": REFERENCE + METADATA}
            write(crd["group"], version["name"], crd["names"]["kind"], closed)
    reached = {}
    while wanted:
        name = wanted.pop()
        if name not in reached:
            reached[name] = definition(name, definitions[name])
            wanted.extend(references(reached[name]))
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(reached[name], sort_keys=True)}" for name in sorted(reached))
    (OUT / "_definitions.json").write_text('{"definitions": {\n' + lines + "\n}}\n")


main(*sys.argv[1:])
