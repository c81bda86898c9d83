"""Each provider as the suite needs it: made, opened again, and put out of reach."""

import os
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import pytest
from moto import mock_aws

from consent_ledger.root_keys import FileRootKeys, RootKeys
from consent_ledger.root_keys.aws_kms import AwsKmsRootKeys
from consent_ledger.root_keys.pkcs11 import Pkcs11RootKeys
from consent_ledger.root_keys.vault_transit import VaultRootKeys
from tests.clock import ManualClock
from tests.keys.fake_vault import TOKEN, FakeVault, serving

MODULE = next(
    (
        str(file)
        for folder in ("/usr/lib/softhsm", "/usr/lib64/pkcs11", "/usr/local/lib/softhsm")
        for file in Path(folder).glob("libsofthsm2.so")
    ),
    "/usr/lib/softhsm/libsofthsm2.so",
)
PIN, TOKEN_LABEL = "123456", "hub"
NOWHERE = "http://127.0.0.1:9"
"""Nobody serves port 9 (discard) on a test's machine."""


class Provider(ABC):
    """One kind of provider, with a place where nothing is yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = f"ledger-{uuid4().hex[:8]}"

    @abstractmethod
    def created(self) -> RootKeys:
        """Makes the root, or finds it."""

    @abstractmethod
    def opened(self, name: str = "") -> RootKeys:
        """Finds the root, by another name if one is given."""

    @abstractmethod
    def settings(self) -> dict[str, str]:
        """What stands in `[keys]`."""

    def close(self) -> None:
        """Takes the provider away for good."""
        return


class InFiles(Provider):
    def created(self) -> RootKeys:
        return FileRootKeys.created(self.folder / "root.key")

    def opened(self, name: str = "") -> RootKeys:
        return FileRootKeys.opened(self.folder / (name or "root.key"))

    def settings(self) -> dict[str, str]:
        return {"provider": "file"}


class InAToken(Provider):
    def created(self) -> RootKeys:
        return Pkcs11RootKeys.created(MODULE, TOKEN_LABEL, PIN, self.name)

    def opened(self, name: str = "") -> RootKeys:
        return Pkcs11RootKeys.opened(MODULE, TOKEN_LABEL, PIN, name or self.name)

    def settings(self) -> dict[str, str]:
        return {"provider": "pkcs11", "module": MODULE, "token": TOKEN_LABEL, "name": self.name}


class InVault(Provider):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.vault = FakeVault()
        self._served = ExitStack()
        self.url = self._served.enter_context(serving(self.vault))

    def created(self) -> RootKeys:
        return VaultRootKeys.created(self.url, TOKEN, self.name)

    def opened(self, name: str = "") -> RootKeys:
        return VaultRootKeys.opened(self.url, TOKEN, name or self.name)

    def settings(self) -> dict[str, str]:
        return {"provider": "vault", "url": self.url, "name": self.name}

    def close(self) -> None:
        self._served.close()


class AtAws(Provider):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._mocked = mock_aws()
        self._mocked.start()

    def created(self) -> RootKeys:
        return AwsKmsRootKeys.created(self.name, "eu-west-2")

    def opened(self, name: str = "") -> RootKeys:
        return AwsKmsRootKeys.opened(name or self.name, "eu-west-2")

    def settings(self) -> dict[str, str]:
        return {"provider": "aws-kms", "region": "eu-west-2", "name": self.name}

    def close(self) -> None:
        self._mocked.stop()


PROVIDERS: dict[str, type[Provider]] = {
    "file": InFiles,
    "pkcs11": InAToken,
    "vault": InVault,
    "aws-kms": AtAws,
}


@pytest.fixture(scope="session")
def token(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A software token; its library reads its place once for the whole process."""
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    settings = folder / "softhsm2.conf"
    settings.write_text(f"directories.tokendir = {folder / 'tokens'}\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(settings)
    made = ("softhsm2-util", "--init-token", "--free", "--label", TOKEN_LABEL, "--pin", PIN, "--so-pin", PIN)
    subprocess.run(made, check=True, capture_output=True)
    return TOKEN_LABEL


@pytest.fixture(params=sorted(PROVIDERS))
def provider(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Provider]:
    if request.param == "pkcs11":
        request.getfixturevalue("token")
    monkeypatch.setenv("ONCETOLD_PKCS11_PIN", PIN)
    monkeypatch.setenv("VAULT_TOKEN", TOKEN)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "invented")
    made = PROVIDERS[request.param](tmp_path)
    yield made
    made.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()
