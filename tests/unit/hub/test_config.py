"""Settings are read with defaults, and what cannot work is refused by name before the hub starts."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from consent_ledger.vocabulary import StatutoryDuty
from hub import pki
from hub.config import (
    ConfigError,
    LogSettings,
    TelemetrySettings,
    TlsFiles,
    read_config,
    write_config,
)
from hub.key_settings import KeySettings
from hub.rpc.credentials import read_tls
from tests.clock import START


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    config = read_config(tmp_path)

    assert config.listen == "127.0.0.1:8443"
    assert config.tls.key == tmp_path / "pki" / "hub.key"
    assert config.admin_socket == tmp_path / "socket" / "admin.sock"


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "hub.toml").write_text(
        'listen = "[::1]:9000"\n[tls]\nkey = "other/the \\"key\\""\n'
        '[telemetry]\nprometheus = "0.0.0.0:9464"\nallow_remote = true\n[log]\nformat = "json"\n'
        '[law]\nchildren_act_2004_s16la = "2026-12-01"\n'
    )
    config = read_config(tmp_path)
    (tmp_path / "hub.toml").unlink()

    write_config(config)

    assert read_config(tmp_path) == config
    assert config.tls.key == tmp_path / 'other/the "key"'
    assert config.telemetry == TelemetrySettings("0.0.0.0:9464", allow_remote=True)
    assert config.log == LogSettings("json")
    assert config.law == {StatutoryDuty.CHILDREN_ACT_2004_S16LA: date(2026, 12, 1)}
    with pytest.raises(FileExistsError):
        write_config(config)


@pytest.mark.parametrize(
    ("text", "setting"),
    [
        ("listen = 5", "listen"),
        ('listen = "nowhere"', "listen"),
        ('lisen = "127.0.0.1:1"', "lisen"),
        ('[tls]\nkeyfile = "a"', "tls.keyfile"),
        ("[tls]\nkey = 7", "tls"),
        ("listen = ", "hub.toml"),
        ("telemetry = 1", "telemetry"),
        ("law = 1", "law"),
        ('[law]\nchildren_act_2004_s16la = "soon"', "law.children_act_2004_s16la"),
        ("[law]\nchildren_act_2004_s16la = 2026-12-01T00:00:00Z", "law.children_act_2004_s16la"),
        ("[law]\nchildren_act_2004_s16la = true", "law.children_act_2004_s16la"),
        ('[law]\ncare_act_2014_s45 = "2015-04-01"', "law.care_act_2014_s45"),
        ('[telemetry]\n__class__ = "x"', "telemetry.__class__"),
        ("[telemetry]\nprometheus = 9464", "telemetry.prometheus"),
        ('[telemetry]\nprometheus = "127.0.0.1:99999"', "telemetry.prometheus"),
        ('[telemetry]\nprometheus = "0.0.0.0:9464"', "telemetry.prometheus"),
        ('[telemetry]\nprometheus = "[::]:9464"', "telemetry.prometheus"),
        ('[telemetry]\nprometheus = "192.0.2.7:9464"', "telemetry.prometheus"),
        ('[telemetry]\nprometheus = "127.0.0.1.example.org:9464"', "telemetry.prometheus"),
        ('[telemetry]\nallow_remote = "yes"', "telemetry.allow_remote"),
        ("[telemetry]\nretraction_overdue_hours = 0", "telemetry.retraction_overdue_hours"),
        ("[telemetry]\nretraction_overdue_hours = true", "telemetry.retraction_overdue_hours"),
        ('[telemetry]\notlp = "collector:4317"', "telemetry.otlp"),
        ('[telemetry]\notlp = "http://collector.example:4317"', "telemetry.otlp"),
        ('[telemetry]\notlp = "https://me:secret@collector.example"', "telemetry.otlp"),
        ('[log]\nformat = "xml"', "log.format"),
        ('[log]\nlevel = "loud"', "log.level"),
        ('[log]\nfile = "/var/log/x"', "log.file"),
        ('[log]\nwitness_urls = "http://witness.example"', "log.witness_urls"),
        ('[log]\nwitness_urls = "http://127.0.0.1:9 ftp://witness.example"', "log.witness_urls"),
        ('[enrolment]\nlisten = "0.0.0.0:8444"', "enrolment.listen"),
        ('[enrolment]\nauthority = "a.pem"', "enrolment.authority"),
        ('[enrolment]\nauthority_key = "a.key"', "enrolment.authority"),
        ('[enrolment]\nauthority = "a.pem"\nauthority_key = "a.key"\nlisten = "8444"', "enrolment.listen"),
        ("[enrolment]\nport = 8444", "enrolment.port"),
    ],
)
def test_a_bad_setting_is_named(text: str, setting: str, tmp_path: Path) -> None:
    (tmp_path / "hub.toml").write_text(text)

    with pytest.raises(ConfigError) as refused:
        read_config(tmp_path)

    assert refused.value.setting == setting


@pytest.mark.parametrize("address", ["127.0.0.1:9464", "localhost:0", "[::1]:9464", "127.1.2.3:1"])
def test_the_metrics_page_may_be_on_this_machine(address: str, tmp_path: Path) -> None:
    (tmp_path / "hub.toml").write_text(
        f'[telemetry]\nprometheus = "{address}"\notlp = "http://localhost:4317"\n'
    )

    assert read_config(tmp_path).telemetry.prometheus == address


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    authority = pki.create_authority(tmp_path, START)
    made = pki.issue_server(authority, tmp_path, START)
    files = TlsFiles(made.certificate, made.key, authority.certificate)
    assert read_tls(files)[1] == made.key.read_bytes()
    made.key.chmod(0o640)

    with pytest.raises(ConfigError, match="others may read"):
        read_tls(files)


def test_a_missing_file_is_named_by_its_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        read_tls(TlsFiles(tmp_path / "a", tmp_path / "b", tmp_path / "c"))

    assert refused.value.setting == "tls.certificate"


def test_the_ledger_is_in_the_folder_unless_named(tmp_path: Path) -> None:
    assert read_config(tmp_path).ledger == str(tmp_path / "ledger.db")
    (tmp_path / "hub.toml").write_text('ledger = "other/place.db"\n')
    config = read_config(tmp_path)
    assert (config.ledger, config.is_shared, config.has_ledger()) == (
        str(tmp_path / "other" / "place.db"),
        False,
        False,
    )


def test_a_shared_ledger_is_named_by_its_url(tmp_path: Path) -> None:
    url = "postgresql://oncetold@db.example:5432/oncetold?sslmode=verify-full"
    (tmp_path / "hub.toml").write_text(f'ledger = "{url}"\n')
    config = read_config(tmp_path)
    (tmp_path / "hub.toml").unlink()
    write_config(config)
    assert read_config(tmp_path).ledger == url
    assert config.is_shared
    assert config.has_ledger()


@pytest.mark.parametrize(
    "value",
    [
        '"postgresql://hub:canary@db.example/ledger"',
        '"postgresql://hub@db.example/ledger?password=canary"',
        '"postgresql://hub@db.example"',
        '"mysql://db.example/ledger"',
        '""',
        "7",
    ],
)
def test_a_ledger_that_cannot_be_is_refused_and_no_password_told(value: str, tmp_path: Path) -> None:
    (tmp_path / "hub.toml").write_text(f"ledger = {value}\n")
    with pytest.raises(ConfigError) as refused:
        read_config(tmp_path)
    assert refused.value.setting == "ledger"
    assert "canary" not in str(refused.value) + repr(refused.value)


def test_a_destroyed_key_is_gone_when_its_backups_are_and_the_providers_wait_is_over() -> None:
    assert KeySettings().copies_kept == timedelta(days=30)
    assert KeySettings("aws-kms", key_backup_days=3).copies_kept == timedelta(days=10)
