"""Until when copies of erased content may still be readable."""

from datetime import datetime, timedelta

from hub.use_cases.work import Work


def horizon(work: Work) -> datetime:
    return work.now + timedelta(days=60)
