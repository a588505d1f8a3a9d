"""The Sparkplug B payload's protobuf schema (Eclipse Sparkplug 3.0, section 6.4), built here: no generated code is needed."""

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_TYPES = {
    "uint32": descriptor_pb2.FieldDescriptorProto.TYPE_UINT32,
    "uint64": descriptor_pb2.FieldDescriptorProto.TYPE_UINT64,
    "float": descriptor_pb2.FieldDescriptorProto.TYPE_FLOAT,
    "double": descriptor_pb2.FieldDescriptorProto.TYPE_DOUBLE,
    "bool": descriptor_pb2.FieldDescriptorProto.TYPE_BOOL,
    "string": descriptor_pb2.FieldDescriptorProto.TYPE_STRING,
    "bytes": descriptor_pb2.FieldDescriptorProto.TYPE_BYTES,
}
_METRIC_FIELDS = (
    ("name", 1, "string"),
    ("alias", 2, "uint64"),
    ("timestamp", 3, "uint64"),
    ("datatype", 4, "uint32"),
    ("is_historical", 5, "bool"),
    ("is_transient", 6, "bool"),
    ("is_null", 7, "bool"),
)
_VALUES = (
    ("int_value", 10, "uint32"),
    ("long_value", 11, "uint64"),
    ("float_value", 12, "float"),
    ("double_value", 13, "double"),
    ("boolean_value", 14, "bool"),
    ("string_value", 15, "string"),
    ("bytes_value", 16, "bytes"),
)
_PAYLOAD_FIELDS = (("timestamp", 1, "uint64"), ("seq", 3, "uint64"), ("uuid", 4, "string"), ("body", 5, "bytes"))
_PACKAGE = "caretaker.sparkplug"


def _add(message: descriptor_pb2.DescriptorProto, fields: tuple[tuple[str, int, str], ...], *, in_oneof: bool = False) -> None:
    for name, number, kind in fields:
        field = message.field.add(
            name=name, number=number, type=_TYPES[kind], label=descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL
        )
        if in_oneof:
            field.oneof_index = 0


def _schema() -> descriptor_pb2.FileDescriptorProto:
    """Data sets, templates, meta data and properties are left out: protobuf passes over what a schema does not name."""
    schema = descriptor_pb2.FileDescriptorProto(name="caretaker/sparkplug_b.proto", package=_PACKAGE, syntax="proto2")
    payload = schema.message_type.add(name="Payload")
    metric = payload.nested_type.add(name="Metric")
    metric.oneof_decl.add(name="value")
    _add(metric, _METRIC_FIELDS)
    _add(metric, _VALUES, in_oneof=True)
    _add(payload, _PAYLOAD_FIELDS)
    payload.field.add(
        name="metrics",
        number=2,
        type=descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE,
        type_name=f".{_PACKAGE}.Payload.Metric",
        label=descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED,
    )
    return schema


_POOL = descriptor_pool.DescriptorPool()
_POOL.Add(_schema())
Payload: Any = message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"{_PACKAGE}.Payload"))
