"""Backup of a PostgreSQL database by pg_dump, and its way back through pg_restore and psql in one transaction."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import IO

from django.db import connection
from psycopg.conninfo import make_conninfo

from config.backups.refusals import BROKEN, NOT_OURS, Refused

MAGIC = b"PGDMP"
DEBIAN = Path("/usr/lib/postgresql")
CONNECTING = ("host", "port", "user", "dbname", "sslmode", "sslrootcert", "sslcert", "sslkey")
"""What the programs are told on their command line; the password is not among it, since everybody can read that."""
EMPTY = """
DO $empty$ DECLARE it record; BEGIN
  FOR it IN SELECT c.oid::regclass AS name FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
  LOOP EXECUTE format('DROP TABLE IF EXISTS %s CASCADE', it.name); END LOOP;
  FOR it IN SELECT p.oid::regprocedure AS name FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
  LOOP EXECUTE format('DROP ROUTINE IF EXISTS %s CASCADE', it.name); END LOOP;
END $empty$;
"""
PAUSE = "INSERT INTO public.notifications_mark (name, at) VALUES ('paused', now()) ON CONFLICT DO NOTHING;"


def dump(part: Path) -> None:
    """Write an archive in pg_dump's custom format to `part`."""
    words = ("--format=custom", "--no-owner", "--no-privileges", "--dbname", _where())
    with part.open("wb") as out:
        done = subprocess.run(
            [_program("pg_dump"), *words], check=False, stdout=out, stderr=subprocess.PIPE, env=_secrets()
        )
    if done.returncode:
        raise Refused(f"pg_dump could not do it: {_last_line(done.stderr)}")


def load(source: Path) -> None:
    """Read all of `source` once to see that it is whole; then put it in the database's place in one transaction."""
    with source.open("rb") as opened:
        if opened.read(len(MAGIC)) != MAGIC:
            raise Refused(f"{source} is not an archive of pg_dump, which this database needs. Nothing was changed.")
    program = _program("pg_restore")
    listed = subprocess.run([program, "--list", str(source)], check=False, capture_output=True)
    read = subprocess.run([program, "--file", os.devnull, str(source)], check=False, capture_output=True)
    for done in (listed, read):
        if done.returncode:
            raise Refused(BROKEN.format(source, _last_line(done.stderr)))
    if b" workflow_entry " not in listed.stdout or b" notifications_mark " not in listed.stdout:
        raise Refused(NOT_OURS.format(source))
    _put([program, "--no-owner", "--no-privileges", "--file", "-", str(source)])


def _put(restoring: list[str]) -> None:
    # psql gets COMMIT only after pg_restore ended well; whatever dies before that leaves the database as it was.
    words = ["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--output", os.devnull, "--dbname", _where()]
    psql = subprocess.Popen([_program("psql"), *words], stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=_secrets())
    assert psql.stdin is not None
    is_whole = False
    try:
        is_whole = _feed(psql.stdin, restoring)
    except BrokenPipeError:
        pass
    finally:
        if not is_whole and psql.poll() is None:
            psql.kill()
    _, complaints = psql.communicate()
    if psql.returncode or not is_whole:
        raise Refused(f"The database is as it was; psql said: {_last_line(complaints)}")


def _feed(psql: IO[bytes], restoring: list[str]) -> bool:
    psql.write(f"BEGIN;\n{EMPTY}\n".encode())
    psql.flush()
    archive = subprocess.Popen(restoring, stdout=psql, stderr=subprocess.DEVNULL)
    if archive.wait():
        return False
    psql.write(f"{PAUSE}\nCOMMIT;\n".encode())
    psql.flush()
    return True


def _where() -> str:
    known = connection.get_connection_params()
    return make_conninfo(**{name: known[name] for name in CONNECTING if known.get(name)})


def _secrets() -> dict[str, str]:
    password = connection.settings_dict.get("PASSWORD")
    return {"PGPASSWORD": str(password)} if password else {}


def _program(name: str) -> str:
    """The program on PATH, else the newest of Debian's: an older one refuses a newer server."""
    found = shutil.which(name)
    ours = sorted(DEBIAN.glob(f"*/bin/{name}"), key=lambda path: float(path.parts[-3]), reverse=True)
    if not found and not ours:
        raise Refused(f"{name} is not installed here. Install PostgreSQL's client programs, of the server's version.")
    return found or str(ours[0])


def _last_line(complaints: bytes) -> str:
    lines = complaints.decode("utf-8", "replace").strip().splitlines()
    return f"{lines[-1].rstrip('.')}." if lines else "it gave no reason."
