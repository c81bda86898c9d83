"""protovalidate's rules under the import path that generated code asks for, built from its own wheel."""

from google.protobuf import (  # noqa: F401  (registers what the rules import)
    descriptor_pb2,
    descriptor_pool,
    duration_pb2,
    field_mask_pb2,
    timestamp_pb2,
)
from google.protobuf.internal import builder
from protovalidate._gen.buf.validate.validate_pb import desc

DESCRIPTOR = descriptor_pool.Default().AddSerializedFile(desc().proto.to_binary())
builder.BuildMessageAndEnumDescriptors(DESCRIPTOR, globals())
builder.BuildTopDescriptorsAndMessages(DESCRIPTOR, "buf.validate.validate_pb2", globals())
