"""Kubernetes refuses a list or a map that is written out in an expression and mixes types, as in `["a", 1]`. The evaluator used
here does not, so its checked form of an expression is looked through. It is protobuf (cel/expr/checked.proto); what is needed
of that is declared here, with types kept as the bytes that they are: all that matters is whether they are equal."""

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory

F = descriptor_pb2.FieldDescriptorProto


def _messages():
    file = descriptor_pb2.FileDescriptorProto(name="checked.proto", package="literals", syntax="proto3")

    def message(name, **fields):
        made = file.message_type.add(name=name)
        for field, (number, kind, repeated) in fields.items():
            made.field.add(name=field, number=number, label=F.LABEL_REPEATED if repeated else F.LABEL_OPTIONAL,
                           **({"type": kind} if isinstance(kind, int) else {"type": F.TYPE_MESSAGE, "type_name": f".literals.{kind}"}))

    message("Checked", types=(3, "TypeEntry", True), expr=(4, "Expr", False))
    message("TypeEntry", id=(1, F.TYPE_INT64, False), type=(2, F.TYPE_BYTES, False))
    message("Expr", id=(2, F.TYPE_INT64, False), select=(5, "Select", False), call=(6, "Call", False), list=(7, "List", False),
            struct=(8, "Struct", False), comprehension=(9, "Comprehension", False))
    message("Select", operand=(1, "Expr", False))
    message("Call", target=(1, "Expr", False), function=(2, F.TYPE_STRING, False), args=(3, "Expr", True))
    message("List", elements=(1, "Expr", True))
    message("Struct", message_name=(1, F.TYPE_STRING, False), entries=(2, "Entry", True))
    message("Entry", map_key=(3, "Expr", False), value=(4, "Expr", False))
    message("Comprehension", iter_range=(2, "Expr", False), accu_init=(4, "Expr", False), loop_condition=(5, "Expr", False),
            loop_step=(6, "Expr", False), result=(7, "Expr", False))
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("literals.Checked"))


CHECKED = _messages()


def mixed(serialized):
    """What is wrong with the literals of a compiled expression."""
    packed = any_pb2.Any.FromString(serialized)
    assert packed.type_url.endswith("/cel.expr.CheckedExpr"), packed.type_url
    checked = CHECKED.FromString(packed.value)
    types = {entry.id: entry.type for entry in checked.types}
    faults = []

    def alike(expressions, what):
        if len({types.get(e.id, b"") for e in expressions}) > 1:
            faults.append(f"{what} mixes types")

    def walk(expr):
        if expr.HasField("list"):
            alike(expr.list.elements, "a list")
        if expr.HasField("struct") and not expr.struct.message_name:
            alike([entry.map_key for entry in expr.struct.entries], "the keys of a map")
            alike([entry.value for entry in expr.struct.entries], "a map")
        for field, content in expr.ListFields():
            descend(field, content)

    def descend(field, content):
        if field.message_type is None:
            return
        for part in content if field.is_repeated else [content]:
            if field.message_type.name == "Expr":
                walk(part)
            else:
                for inner, value in part.ListFields():
                    descend(inner, value)

    walk(checked.expr)
    return faults
