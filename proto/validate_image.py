"""Writes protovalidate's rules and what they import as a descriptor set to standard output.

The wheel carries the descriptor but not the `.proto`; protoc and buf both take a descriptor set.
"""

import sys

from google.protobuf import (
    descriptor_pb2,
    duration_pb2,
    field_mask_pb2,
    timestamp_pb2,
)
from protovalidate._gen.buf.validate.validate_pb import desc

image = descriptor_pb2.FileDescriptorSet()
for well_known in (descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2):
    well_known.DESCRIPTOR.CopyToProto(image.file.add())
image.file.add().MergeFromString(desc().proto.to_binary())
sys.stdout.buffer.write(image.SerializeToString())
