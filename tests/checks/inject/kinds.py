"""The types that Kubernetes adds to CEL for mutations, as protobuf messages: `JSONPatch{...}`, and `Object.spec.volumes{...}` for
what lies at that place of a pod. Their fields come from the schema that Kubernetes publishes, so a field that does not exist
or has another type is an error already when an expression is compiled.

A protobuf name cannot be a message and hold other messages and fields of the same name, so the dots become underscores: see
`flattened`."""

import json
import pathlib
import re

import kubernetes_validate
from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, duration_pb2, empty_pb2, message_factory, struct_pb2, timestamp_pb2, wrappers_pb2

WELL_KNOWN = (any_pb2, duration_pb2, empty_pb2, struct_pb2, timestamp_pb2, wrappers_pb2)
NAME = re.compile(r"\bObject((?:\.\w+)+)\{")
FIELD = descriptor_pb2.FieldDescriptorProto
SCALARS = {"string": FIELD.TYPE_STRING, "boolean": FIELD.TYPE_BOOL, "integer": FIELD.TYPE_INT64}


def schemas(version):
    """The definitions of all kinds in one version of Kubernetes."""
    folder = pathlib.Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema" / f"v{version}-local-strict"
    return json.loads((folder / "_definitions.json").read_text())["$defs"]


def flattened(expression):
    return NAME.sub(lambda found: "Object" + found[1].replace(".", "_") + "{", expression)


def declare(expressions, definitions):
    """A pool of the messages that the expressions name."""
    wanted = {found[1] for text in expressions for found in NAME.finditer(text)}
    file = descriptor_pb2.FileDescriptorProto(name="object.proto", syntax="proto2")
    file.dependency.extend(["google/protobuf/any.proto", "google/protobuf/struct.proto"])
    patch = file.message_type.add(name="JSONPatch")
    for number, name in enumerate(("op", "path", "from"), 1):
        patch.field.add(name=name, number=number, type=FIELD.TYPE_STRING, label=FIELD.LABEL_OPTIONAL)
    patch.field.add(name="value", number=4, type=FIELD.TYPE_MESSAGE, label=FIELD.LABEL_OPTIONAL, type_name=".google.protobuf.Any")
    for path in sorted(wanted):
        schema = at(definitions, path)
        message = file.message_type.add(name="Object" + path.replace(".", "_"))
        for number, (name, field) in enumerate(sorted(schema["properties"].items()), 1):
            add_field(message, number, name, resolved(definitions, field), wanted, path, definitions)
    pool = descriptor_pool.DescriptorPool()
    for known in WELL_KNOWN:
        pool.AddSerializedFile(known.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    return pool


def resolved(definitions, schema):
    while "$ref" in schema:
        schema = definitions[schema["$ref"].rsplit("/", 1)[1]]
    return schema


def at(definitions, path):
    schema = definitions["io.k8s.api.core.v1.Pod"]
    for name in path.strip(".").split("."):
        if name not in schema.get("properties", {}):
            raise SystemExit(f"inject: a pod has no field `{path}`: there is no `{name}`")
        schema = resolved(definitions, schema["properties"][name])
        while "items" in schema:
            schema = resolved(definitions, schema["items"])
    return schema


def add_field(message, number, name, schema, wanted, path, definitions):
    label = FIELD.LABEL_OPTIONAL
    if "items" in schema:
        label, schema = FIELD.LABEL_REPEATED, resolved(definitions, schema["items"])
    kinds = schema.get("type", "string")
    kind = next((k for k in ([kinds] if isinstance(kinds, str) else kinds) if k != "null"), "string")
    if f"{path}.{name}" in wanted:
        message.field.add(name=name, number=number, label=label, type=FIELD.TYPE_MESSAGE,
                          type_name=".Object" + f"{path}.{name}".replace(".", "_"))
    elif kind in SCALARS:
        message.field.add(name=name, number=number, label=label, type=SCALARS[kind])
    else:
        message.field.add(name=name, number=number, label=label, type=FIELD.TYPE_MESSAGE, type_name=".google.protobuf.Struct")


def plain(value):
    """A message as what JSON makes of it."""
    kind = getattr(getattr(value, "DESCRIPTOR", None), "full_name", None)
    if kind is None:
        return value
    if kind == "google.protobuf.Any":
        pool = value.DESCRIPTOR.file.pool
        packed = message_factory.GetMessageClass(pool.FindMessageTypeByName(value.type_url.rsplit("/", 1)[1]))
        return plain(packed.FromString(value.value))
    if kind == "google.protobuf.Struct":
        return {name: plain(value.fields[name]) for name in sorted(value.fields)}
    if kind == "google.protobuf.ListValue":
        return [plain(item) for item in value.values]
    if kind == "google.protobuf.Value":
        return scalar(value)
    if kind.startswith("google.protobuf."):
        return value.value
    return {field.name: [plain(item) for item in content] if field.is_repeated else plain(content)
            for field, content in value.ListFields()}


def scalar(value):
    which = value.WhichOneof("kind")
    if which in ("struct_value", "list_value"):
        return plain(getattr(value, which))
    if which == "number_value":
        return int(value.number_value) if value.number_value.is_integer() else value.number_value
    return None if which == "null_value" else getattr(value, which)
