# SPDX-License-Identifier: Apache-2.0
"""The public API as plain data, and its compatible changes.

`describe` converts a .proto file to a tree of dicts with everything that callers can depend on, on the
wire or in generated code. `compare` compares two trees: all old nodes must be unchanged, and additions
must not break callers that do not know them.
"""

import os
import subprocess
import sys
import tempfile

try:
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
except ImportError as error:  # The package 7.36.2-3 of Debian experimental lacks a module.
    print(f"python3-protobuf cannot be imported: {error}")
    sys.exit(77)

FILE = "aymara/evals/v1/eval_run_service.proto"

# Options of the file that determine names in generated code.
FILE_OPTIONS = (
    "java_package", "java_outer_classname", "java_multiple_files", "go_package", "csharp_namespace",
    "objc_class_prefix", "php_namespace", "php_class_prefix", "php_metadata_namespace",
    "ruby_package", "swift_prefix", "cc_enable_arenas")

_Field = descriptor_pb2.FieldDescriptorProto


class BadProto(Exception):
    """protoc rejects the file."""


def describe(root, googleapis, file=FILE):
    """The API of `file` below `root`. `googleapis` is the folder of google/api and google/rpc."""
    with tempfile.TemporaryDirectory() as folder:
        output = os.path.join(folder, "set")
        protoc = subprocess.run(
            ["protoc", f"-I{root}", f"-I{googleapis}", "--include_imports",
             f"--descriptor_set_out={output}", os.path.join(root, file)],
            capture_output=True, text=True)
        if protoc.returncode:
            raise BadProto(protoc.stderr.strip())
        with open(output, "rb") as stream:
            data = stream.read()

    # Parsed twice: first to get the extension google.api.http, then with options that have it.
    pool = descriptor_pool.DescriptorPool()
    files = descriptor_pb2.FileDescriptorSet.FromString(data).file
    for one in files:
        pool.Add(one)
    messages = _message_classes([one.name for one in files], pool)
    known = messages["google.protobuf.FileDescriptorSet"].FromString(data)
    http = pool.FindExtensionByName("google.api.http")
    [described] = [one for one in known.file if one.name == file]
    return _file(described, http)


def _message_classes(files, pool):
    if hasattr(message_factory, "GetMessageClassesForFiles"):  # since protobuf 4.22
        return message_factory.GetMessageClassesForFiles(files, pool)
    return message_factory.MessageFactory(pool).GetMessages(files)


def _file(file, http):
    return {
        "file": file.name,
        "package": file.package,
        "syntax": file.syntax or "proto2",
        "options": {name: getattr(file.options, name) for name in FILE_OPTIONS
                    if file.options.HasField(name)},
        "services": {service.name: {"methods": {m.name: _method(m, http) for m in service.method}}
                     for service in file.service},
        "messages": {message.name: _message(message) for message in file.message_type},
        "enums": {enum.name: _enum(enum) for enum in file.enum_type},
    }


def _method(method, http):
    described = {
        "input": method.input_type,
        "output": method.output_type,
        "client_streaming": method.client_streaming,
        "server_streaming": method.server_streaming,
    }
    if method.options.HasExtension(http):
        rule = method.options.Extensions[http]
        described["http"] = _http_rule(rule)
        for index, binding in enumerate(rule.additional_bindings):
            described[f"http_{index + 2}"] = _http_rule(binding)
    return described


def _http_rule(rule):
    verb = rule.WhichOneof("pattern")
    path = getattr(rule, verb) if verb != "custom" else f"{rule.custom.kind} {rule.custom.path}"
    return {"verb": verb, "path": path, "body": rule.body, "response_body": rule.response_body}


def _message(message):
    oneofs = [oneof.name for oneof in message.oneof_decl]
    return {
        "fields": {str(field.number): _field(field, oneofs) for field in message.field},
        "messages": {nested.name: _message(nested) for nested in message.nested_type},
        "enums": {enum.name: _enum(enum) for enum in message.enum_type},
        "reserved": _reserved(message),
    }


def _field(field, oneofs):
    in_oneof = field.HasField("oneof_index") and not field.proto3_optional
    return {
        "name": field.name,
        "json_name": field.json_name,
        "type": _Field.Type.Name(field.type),
        "type_name": field.type_name,
        "label": _Field.Label.Name(field.label),
        "optional": field.proto3_optional,
        "oneof": oneofs[field.oneof_index] if in_oneof else "",
        "default": field.default_value,
    }


def _enum(enum):
    return {
        # By name, because several names may have the same number.
        "values": {value.name: value.number for value in enum.value},
        "reserved": _reserved(enum),
    }


def _reserved(descriptor):
    """As keys, so that a new reservation is an addition, and a removed one a breaking change."""
    numbers = {f"{reserved.start}-{reserved.end}": True for reserved in descriptor.reserved_range}
    return numbers | {name: True for name in descriptor.reserved_name}


def compare(old, new):
    """Two lists of sentences: breaking changes, and additions."""
    breaking, added = [], []
    _compare(old, new, "", breaking, added)
    return breaking, added


def _compare(old, new, where, breaking, added):
    for key in sorted(old.keys() | new.keys()):
        path = f"{where}/{key}" if where else key
        if key not in new:
            breaking.append(f"{path} is gone (it was {_brief(old[key])})")
        elif key not in old:
            problem = _problem_of_addition(where, new[key])
            if problem:
                breaking.append(f"{path} ({_brief(new[key])}) is new: {problem}")
            else:
                added.append(f"{path} is new: {_brief(new[key])}")
        elif isinstance(old[key], dict) and isinstance(new[key], dict):
            _compare(old[key], new[key], path, breaking, added)
        elif old[key] != new[key]:
            breaking.append(f"{path} was {old[key]!r} and is {new[key]!r}")


def _problem_of_addition(where, new):
    """Why an addition breaks callers that do not know it, or None."""
    if isinstance(new, dict) and new.get("label") == "LABEL_REQUIRED":
        return "callers that do not know a required field cannot set it"
    if where == "options":
        return "it renames generated code"
    return None


def _brief(node):
    if not isinstance(node, dict):
        return repr(node)
    return node.get("name") or ", ".join(node) or "empty"
