"""How sensitive a fragment is for one recipient: most are alike for everybody."""

from typing import Protocol

from consent_ledger.facts import Feed
from consent_ledger.vocabulary import DataCategory, Level, ServiceType

ENFORCING_SERVICES = frozenset({ServiceType.POLICE, ServiceType.PRISON, ServiceType.PROBATION})
"""Services that can detain somebody or have them recalled, whoever runs them."""


class _Content(Protocol):
    """A fragment, or all that are of its class."""

    @property
    def categories(self) -> tuple[DataCategory, ...]: ...

    @property
    def level(self) -> Level: ...

    @property
    def no_sleep_site(self) -> bool: ...


def level_for(fragment: _Content, recipient: Feed) -> Level:
    """The fragment's level; very restricted where it may be a sleep site and the recipient could enforce.

    Whoever can move somebody on, fine or detain them learns where they sleep only by a grant that names it
    (SAFETY H23).
    """
    if (
        recipient.has_enforcement_powers
        and DataCategory.CONTACT_LOCATION in fragment.categories
        and not fragment.no_sleep_site
    ):
        return Level.V
    return fragment.level
