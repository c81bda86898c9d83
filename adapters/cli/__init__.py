"""The `oncetold-adapter` command: settings in, sentences or JSON out."""
