"""The hub's front door: gRPC in, use cases behind. Nothing further in knows of gRPC."""
