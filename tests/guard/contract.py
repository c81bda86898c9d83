"""The contract's calls as the descriptors have them: whatever is added there is met by every guard test."""

import importlib
import pkgutil

from google.protobuf.descriptor import MethodDescriptor

import oncetold.v1

METHODS: dict[str, MethodDescriptor] = {
    f"{service.name}.{method.name}": method
    for module in pkgutil.iter_modules(oncetold.v1.__path__)
    if module.name.endswith("_service_pb2")
    for service in importlib.import_module(f"oncetold.v1.{module.name}").DESCRIPTOR.services_by_name.values()
    for method in service.methods
}
"""By `Service.Method`."""


def path(method: str) -> str:
    """The name of a call on the wire."""
    service, _, name = method.partition(".")
    return f"/oncetold.v1.{service}/{name}"
