"""Until when copies of erased content may still be readable with keys that somebody kept."""

from datetime import datetime, timedelta

from hub.use_cases.work import Work

COPIES_KEPT = timedelta(days=30)
"""How long backups of the hub's own keys are kept, where the settings say nothing else."""


def horizon(work: Work, copies_kept: timedelta) -> datetime:
    """The end of the present key epoch, and then for as long as copies of its key are kept."""
    return max(work.transaction.epochs.standing().due, work.now) + copies_kept
