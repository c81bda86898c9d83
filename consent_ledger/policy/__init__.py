"""The permission decision: eleven tests in order, pure, from committed facts only. Deny wins."""

from consent_ledger.policy.agreement import running
from consent_ledger.policy.decision import OWN_CHOICE_OR_PROTECTION, Decision, Finding
from consent_ledger.policy.disclosure import may_disclose, permitted_rows

__all__ = ["OWN_CHOICE_OR_PROTECTION", "Decision", "Finding", "may_disclose", "permitted_rows", "running"]
