"""The servers of our own start on this machine, whoever runs them."""

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from launch import broker, postgres
from launch.children import Children


@pytest.fixture
def children(tmp_path: Path) -> Iterator[Children]:
    with Children(logs=tmp_path) as started:
        yield started


def test_a_broker_that_cannot_read_its_files_starts_empty(children: Children, tmp_path: Path) -> None:
    folder = tmp_path / "broker"
    (folder / "appendonlydir").mkdir(parents=True)
    (folder / "appendonlydir" / "appendonly.aof.manifest").write_text("torn")
    _, url = broker.start(children, keep_in=folder)
    assert broker.answers(Path(url.removeprefix("redis+socket://")))
    assert (tmp_path / "broker.unreadable" / "appendonlydir" / "appendonly.aof.manifest").read_text() == "torn"


@pytest.mark.parametrize("is_durable", [False, True])
def test_postgres_starts_for_this_user(children: Children, is_durable: bool) -> None:
    _, url = postgres.start(children, is_durable=is_durable)
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT lower('Ä'), current_setting('fsync')").fetchone() == (
            "ä",
            "on" if is_durable else "off",
        )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_root_without_namespaces_starts_postgres_as_nobody(children: Children, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "NAMESPACE", ("false",))
    _, url = postgres.start(children)
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
