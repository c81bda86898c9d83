"""Settings shared by every test."""

from hypothesis import HealthCheck, settings

# Two shared cores make any single example slow now and then; the tests' own timeouts bound the whole.
settings.register_profile(
    "oncetold", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("oncetold")
