"""The log over a large ledger: what building it takes, how soon a proof is there, what its tiles take."""

import sqlite3
from contextlib import closing
from statistics import quantiles

from consent_ledger.log.tiles import tiles_of
from consent_ledger.log.tree import HASH_SIZE
from tests.bench.ratios import Figure
from tests.bench.stages import Profile
from tests.bench.suite import Bench
from tests.bench.worker import Worker

PROOFS = 2000
MILLION = 1_000_000
MEGABYTE = 1024 * 1024


def lines(bench: Bench) -> tuple[list[Figure], list[Profile]]:
    """A ledger of `many` entries that has no log yet, as one of an earlier release."""
    many = bench.size.many
    folder = bench.folder / "log"
    folder.mkdir()
    bench.say(f"appending {many:,} entries")
    with Worker("tests.bench.log_process", str(folder), str(many)) as worker:
        worker.hear()
        built = worker.ask("build")
        most = worker.megabytes("VmHWM")
        taken = [
            quantiles(worker.ask("prove", count=PROOFS)["milliseconds"], n=100)[98]
            for _ in range(bench.size.long_rounds)
        ]
    if built["size"] != many:
        raise AssertionError(f"only {built['size']} of {many} are signed for")
    with closing(sqlite3.connect(folder / "ledger.db")) as file:
        [(stored,)] = file.execute("SELECT coalesce(sum(length(hashes)), 0) FROM tiles").fetchall()
    exported = sum(width * HASH_SIZE for _, _, width in tiles_of(many)) / many * MILLION / MEGABYTE
    rate = many / built["seconds"]
    return [
        Figure(
            f"Inclusion proof among {many:,} entries, p99 of {PROOFS:,}",
            10,
            tuple(taken),
            " ms",
            at_most=True,
        ),
        Figure(
            "Tiles of a million entries",
            40,
            (exported,),
            " MB",
            at_most=True,
            detail=f"as exported; {stored / MEGABYTE:.2f} MB are stored, the rest are the leaf hashes",
        ),
        Figure(
            f"Building the log of {many:,} entries: the most memory of the whole process",
            500,
            (most,),
            " MB",
            at_most=True,
            detail=f"{rate:,.0f} entries/s, {built['seconds']:.0f} s; told of {built['told']} times",
        ),
    ], []
