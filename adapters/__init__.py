"""Adapters: programs that run beside an agency's own system and speak to a OnceTold hub."""
