"""One suite for whoever keeps the root: what is wrapped opens in its place, and dies with its object."""

import asyncio
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from consent_ledger.errors import KeyFileRefused, KeysUnavailable, UnsealFailed
from consent_ledger.ledger import create_ledger, open_ledger
from consent_ledger.root_keys import RootKeys
from consent_ledger.root_keys.aws_kms import AwsKmsRootKeys
from consent_ledger.root_keys.pkcs11 import Pkcs11RootKeys
from consent_ledger.root_keys.vault_transit import VaultRootKeys
from hub.__main__ import app
from hub.bootstrap import create_hub, running_hub
from hub.config import ConfigError, read_config
from tests.clock import ManualClock
from tests.contract.drafting import append, run
from tests.contract.test_erased_keys import contents, erasing, record
from tests.contract.test_key_epochs import owner, rotate, some_records
from tests.keys.conftest import MODULE, NOWHERE, PIN, TOKEN_LABEL, InVault, Provider
from tests.keys.fake_vault import TOKEN

KEY, CONTEXT = bytes(range(32)), b"whose it is"


def test_a_root_is_made_once_and_found_again(provider: Provider) -> None:
    made = provider.created()
    assert len(made.root_id) == 16
    assert provider.created().root_id == provider.opened().root_id == made.root_id
    assert not made.destroyed(made.root_id)
    wrapped = made.wrap(made.root_id, KEY, CONTEXT)
    assert provider.opened().unwrap(made.root_id, wrapped, CONTEXT) == KEY
    with pytest.raises(KeyFileRefused):
        provider.opened("another")


def test_labels_are_the_same_each_time_and_differ_by_name(provider: Provider) -> None:
    labels = [provider.created().name_label("index-key"), provider.opened().name_label("index-key")]
    assert labels[0] == labels[1] != provider.opened().name_label("epoch-key")
    assert len(labels[0]) == 32


def test_what_is_wrapped_opens_in_its_place_alone(provider: Provider) -> None:
    root = provider.created()
    one, other = root.create(), root.create()
    wrapped = root.wrap(one, KEY, CONTEXT)

    assert one != other
    assert root.unwrap(one, wrapped, CONTEXT) == KEY
    assert KEY not in wrapped
    assert wrapped != root.wrap(one, KEY, CONTEXT)
    altered = bytearray(wrapped)
    altered[-2] ^= 1
    for object_id, sealed, context in (
        (one, wrapped, b"another's"),
        (other, wrapped, CONTEXT),
        (root.root_id, wrapped, CONTEXT),
        (one, bytes(altered), CONTEXT),
        (one, wrapped[:-1], CONTEXT),
        (os.urandom(16), wrapped, CONTEXT),
    ):
        # AWS's stand-in says "access denied" of a key that another wrapped, where AWS says "incorrect key".
        denied = KeysUnavailable if isinstance(root, AwsKmsRootKeys) and sealed == wrapped else UnsealFailed
        with pytest.raises((UnsealFailed, denied)):
            root.unwrap(object_id, sealed, context)
    assert root.unwrap(one, wrapped, CONTEXT) == KEY


def test_a_destroyed_object_opens_nothing_ever_again(provider: Provider) -> None:
    root = provider.created()
    gone, kept = root.create(), root.create()
    wrapped, still = root.wrap(gone, KEY, CONTEXT), root.wrap(kept, KEY, CONTEXT)
    assert not root.destroyed(gone)

    said = root.destroy(gone)
    assert said.tzinfo is not None
    assert timedelta(minutes=-1) < said - datetime.now(UTC) < timedelta(days=8)
    assert root.destroyed(gone)
    assert abs(root.destroy(gone) - said) < timedelta(minutes=1)
    for one in (root, provider.opened()):
        with pytest.raises(UnsealFailed):
            one.unwrap(gone, wrapped, CONTEXT)
        with pytest.raises(UnsealFailed):
            one.wrap(gone, KEY, CONTEXT)
        assert one.destroyed(gone)
        assert one.unwrap(kept, still, CONTEXT) == KEY
    assert root.destroyed(os.urandom(16)) or provider.settings()["provider"] == "aws-kms"


def test_a_ledger_lives_on_it_through_an_erasure_and_an_epoch(
    provider: Provider, clock: ManualClock, tmp_path: Path
) -> None:
    place, fences = str(tmp_path / "ledger.db"), tmp_path / "fences"
    ledger = create_ledger(place, provider.created(), clock=clock, fences=fences)
    some_records(ledger, 3)
    run(ledger, erasing(2, rotate=(owner(1),)))
    left = contents(ledger)
    seed = run(ledger, lambda t: t.vault.named_key("log-signing-key"))
    rotate(ledger)
    append(ledger, record(b"later"))
    ledger.close()

    ledger = open_ledger(place, provider.opened(), clock=clock, fences=fences)
    assert contents(ledger) == [*left, [b"about later", b"later"]]
    assert left[1] == [b"(erased)"] * 2
    assert run(ledger, lambda t: t.vault.named_key("log-signing-key")) == seed
    [ended] = run(ledger, lambda t: t.epochs.ended())
    assert ended.position == 4
    ledger.close()


def site(provider: Provider, data: Path) -> Path:
    data.mkdir()
    lines = [f"{name} = {json.dumps(value)}" for name, value in provider.settings().items()]
    (data / "hub.toml").write_text("\n".join(["[keys]", *lines]))
    return data


def test_a_hub_is_made_and_serves_by_its_settings(provider: Provider, tmp_path: Path) -> None:
    config = read_config(site(provider, tmp_path / "hub"))
    create_hub(config)

    async def served() -> int:
        async with running_hub(config, adapters=False) as running:
            return await running.hub.ledger.run(lambda t: t.size)

    assert asyncio.run(served()) >= 0
    status = CliRunner().invoke(app, ["--data", str(config.data), "keys", "status", "--json"])
    assert json.loads(status.stdout)["provider"] == provider.settings()["provider"]
    assert config.root_key.exists() is (provider.settings()["provider"] == "file")


AWAY: dict[str, Callable[[], RootKeys]] = {
    "no such token": lambda: Pkcs11RootKeys.opened(MODULE, "another", PIN, "name"),
    "no such library": lambda: Pkcs11RootKeys.opened("/no/such/library.so", TOKEN_LABEL, PIN, "name"),
    "no Vault": lambda: VaultRootKeys.opened(NOWHERE, TOKEN, "name"),
    "no AWS": lambda: AwsKmsRootKeys.opened("name", "eu-west-2", NOWHERE),
}


@pytest.mark.parametrize("case", AWAY)
def test_one_out_of_reach_is_told_with_what_to_do(
    case: str, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "invented")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        with pytest.raises(KeysUnavailable) as told:
            AWAY[case]()
    assert told.value.code == "KEYS_UNAVAILABLE"
    assert len(told.value.next_step.split()) > 5
    assert "invented" not in str(told.value)
    assert PIN not in str(told.value)


def test_a_wrong_pin_is_told(token: str) -> None:
    """In a process of its own: a login is the whole process's."""
    asked = (
        "from consent_ledger.errors import KeysUnavailable\n"
        "from consent_ledger.root_keys.pkcs11 import Pkcs11RootKeys\n"
        f"try: Pkcs11RootKeys.opened({MODULE!r}, {TOKEN_LABEL!r}, '000000', 'name')\n"
        "except KeysUnavailable as told: print(told)\n"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert "ONCETOLD_PKCS11_PIN" in done.stdout
    assert "000000" not in done.stdout


@pytest.fixture
def vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> InVault:
    monkeypatch.setenv("VAULT_TOKEN", TOKEN)
    return InVault(tmp_path)


def test_a_hub_without_its_keys_does_not_start_and_one_that_has_them_goes_on(
    vault: InVault, tmp_path: Path
) -> None:
    config = read_config(site(vault, tmp_path / "hub"))
    create_hub(config)

    async def served() -> int:
        async with running_hub(config, adapters=False) as running:
            vault.vault.sealed = True
            ledger = running.hub.ledger
            await ledger.run(lambda t: t.append([record(b"of somebody new")], decided_at=t.size))
            return len(await ledger.run(lambda t: t.entries(0)))

    assert asyncio.run(served()) >= 1
    result = CliRunner().invoke(app, ["--data", str(config.data), "ledger", "check", "--json"])
    assert result.exit_code == 2
    error = json.loads(result.stdout or result.stderr)["error"]
    assert error["reason"] == "KEYS_UNAVAILABLE"
    assert error["message"].startswith("The key provider (vault): ")
    assert "unsealed" in error["next_step"]
    vault.vault.sealed, vault.vault.token = False, "another"
    with pytest.raises(KeysUnavailable, match="token is refused"):
        vault.opened()
    vault.close()


def test_secrets_come_from_the_environment_alone(
    vault: InVault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = read_config(site(vault, tmp_path / "hub"))
    monkeypatch.delenv("VAULT_TOKEN")
    with pytest.raises(ConfigError, match="VAULT_TOKEN"):
        create_hub(config)
    vault.close()


WRONG = {
    'provider = "hsm"': "keys.provider",
    'provider = "vault"': "keys.url",
    'provider = "vault"\nurl = "http://vault.example:8200"': "keys.url",
    'provider = "vault"\nurl = "https://u:p@vault.example"': "keys.url",
    'provider = "pkcs11"\nmodule = "/lib.so"': "keys.token",
    'name = "a/b"': "keys.name",
    "key_backup_days = -1": "keys.key_backup_days",
    'pin = "1234"': "keys.pin",
}


@pytest.mark.parametrize("written", WRONG)
def test_settings_that_do_not_fit_are_told(tmp_path: Path, written: str) -> None:
    (tmp_path / "hub.toml").write_text(f"[keys]\n{written}\n")
    with pytest.raises(ConfigError) as told:
        read_config(tmp_path)
    assert told.value.setting == WRONG[written]
