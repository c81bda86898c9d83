"""`oncetold`, or `python -m hub`: the operator's command."""

from __future__ import annotations

try:
    from hub.cli.app import app
    from hub.cli.commands import (
        admin,
        agency,
        agreement,
        assertion_key,
        backup,
        certificate,
        consent,
        deliveries,
        departure,
        emergency,
        erase,
        erasure,
        hold,
        init,
        keys,
        ledger,
        ledger_fsck,
        ledger_log,
        ledger_origin,
        ledger_upgrade,
        link,
        operate,
        outliers,
        own_word,
        pki,
        place,
        proposals,
        registration,
        staff,
        task,
        wind_down,
        withdrawal,
    )
    from hub.demo import command as demo
    from hub.hardening import NotHardened, leave_no_copies
except KeyboardInterrupt:
    # Loading takes a moment, and Ctrl-C may come meanwhile: nothing has begun yet.
    raise SystemExit(130) from None

__all__ = ["app", "main"]

init.register(app)
operate.register(app)
backup.register(app)
pki.register(app)
withdrawal.register(consent.commands)
own_word.register(consent.commands)
outliers.register(registration.commands)
ledger_fsck.register()
ledger_log.register()
ledger_origin.register()
ledger_upgrade.register()
for group in (
    agency.commands,
    certificate.commands,
    agreement.commands,
    consent.commands,
    registration.commands,
    link.commands,
    ledger.commands,
    keys.commands,
    admin.commands,
    proposals.commands,
    task.commands,
    staff.commands,
    hold.commands,
    place.commands,
    emergency.commands,
    erasure.commands,
    erasure.retention,
    deliveries.commands,
    operate.clock,
):
    app.add_typer(group)
deliveries.register(app)
erase.register(app)
departure.register(agency.commands)
assertion_key.register(agency.commands)
wind_down.register(app)
demo.register(app)


def main() -> None:
    """Runs the command that was typed. Exit codes: 0 done, 1 refused, 2 the command has to change."""
    # Any command may open the ledger for itself, and then holds its keys.
    try:
        leave_no_copies()
    except NotHardened:
        raise SystemExit("This system does not let a process keep its memory to itself.") from None
    app()


if __name__ == "__main__":
    main()
