"""`silhouette evidence`: keys, what keeps clips, seals, and the check of it all."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.evidence.keys import Signer
    from pipeline.evidence.verify import Findings
    from schemas.seals import RetentionPack

# As `schemas.seals` knows a digest.
_HEAD = r"[0-9a-f]{64}"


def add_parser(commands: Any) -> None:
    """Add the command's flags."""
    parser = commands.add_parser(
        "evidence",
        help="seal and verify the evidence, and look at what keeps clips",
        description="Each run writes evidence beside its records. docs/evidence.md says what it shows, and what not.",
        epilog="Exit codes: 0 good; 1 a fault or an excess was found, or failed; 2 wrong usage.",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    keygen = actions.add_parser("keygen", help="make a key to sign with, and its public key beside it")
    keygen.add_argument("file", type=Path, metavar="FILE", help="the private key; the public one is FILE.pub")
    retention = actions.add_parser(
        "retention", help="look at what keeps clips, against raw_retention, and write it into the evidence"
    )
    retention.add_argument("--site", type=Path, required=True, metavar="SITE.yaml", help="site file, or a folder")
    retention.add_argument("--output", required=True, metavar="DIR", help="output of the job")
    several = {"action": "append", "default": []}
    retention.add_argument(
        "--topic", metavar="TOPIC", help="clip topic, projects/PROJECT/topics/NAME; may be repeated", **several
    )
    retention.add_argument("--spool", type=Path, metavar="DIR", help="edge spool; may be repeated", **several)
    retention.add_argument("--archive", metavar="DIR", help="folder of clips; may be repeated", **several)
    retention.add_argument(
        "--checkpoints", metavar="DIR", help="Flink's checkpoints or savepoints; may be repeated", **several
    )
    seal = actions.add_parser("seal", help="chain the packs that are new, and sign them; again as often as you like")
    seal.add_argument("output", metavar="OUTPUT", help="output of a job")
    seal.add_argument(
        "--evidence-key",
        type=Path,
        metavar="FILE",
        help="key to sign with; without it, unsigned, where no seal is signed yet",
    )
    check = actions.add_parser("verify", help="check chain, signatures, and that the records are those of the evidence")
    check.add_argument("output", metavar="OUTPUT", help="output of a job")
    check.add_argument("--public-key", type=Path, metavar="FILE", help="every seal must be signed with its private key")
    check.add_argument("--site", metavar="NAME", help="this site alone")
    check.add_argument("--head", metavar="SHA256", help="a seal of this hash must be in the chain, as seal printed it")
    check.add_argument(
        "--open-from", metavar="DATE", help="a job still works on days from this one on, so that record files of them "
        "may be in no pack yet (default: the day after the last that a pack tells of)",
    )  # fmt: skip
    check.add_argument("--without-records", action="store_true", help="check the evidence alone, not the record files")


def run(args: argparse.Namespace) -> int:
    """Run the action; returns the exit code."""
    from pipeline.cli import FAILED

    actions = {"keygen": _keygen, "retention": _retention, "seal": _seal, "verify": _verify}
    try:
        return actions[args.action](args)
    except OSError as error:  # of the output
        return _told(args.action, error, FAILED)


def _told(action: str, text: object, code: int) -> int:
    print(f"silhouette evidence {action}: {text}", file=sys.stderr)
    return code


def _keygen(args: argparse.Namespace) -> int:
    from pipeline.cli import OK, USAGE
    from pipeline.evidence.keys import make_key

    try:
        public = make_key(args.file)
    except FileExistsError as error:
        return _told("keygen", f"{error.filename}: is there already: name another file", USAGE)
    except OSError as error:
        return _told("keygen", f"{args.file}: {error.strerror}", USAGE)
    print(f"{args.file}: the key; keep it where jobs and their output cannot be written from\n{public}: to verify with")
    return OK


def _retention(args: argparse.Namespace) -> int:
    from pipeline.cli import FAILED, OK, USAGE
    from pipeline.evidence.retention import collect, excesses, write_retention
    from pipeline.job import TOPIC
    from pipeline.sites import SiteFileError, load_sites

    for topic in args.topic:
        if not re.fullmatch(TOPIC, topic):
            return _told("retention", "--topic: is written projects/PROJECT/topics/NAME", USAGE)
    if not (args.topic or args.spool or args.archive or args.checkpoints):
        return _told("retention", "--topic, --spool, --archive, --checkpoints: name at least one place", USAGE)
    try:
        sites = load_sites(args.site, stated=("raw_retention",))
    except (SiteFileError, OSError) as error:
        return _told("retention", f"--site: {error}", USAGE)
    over = 0
    for site in sites:
        pack = collect(site, topics=args.topic, spools=args.spool, archives=args.archive, checkpoints=args.checkpoints)
        name = write_retention(args.output.rstrip("/"), pack)
        _print_retention(pack)
        print(name)
        over += len(excesses(pack))
    return FAILED if over else OK


def _print_retention(pack: RetentionPack) -> None:
    from rich.table import Table

    from pipeline.console import plain_console

    title = f"What keeps clips of {pack.site}; the site file allows {_duration(pack.raw_retention_seconds)}"
    table = Table(title=title, title_justify="left")
    for column in ("what", "name", "keeps", "oldest", "verdict", "why"):
        table.add_column(column, overflow="fold")
    for each in pack.holdings:
        keeps, oldest = (_duration(seconds) for seconds in (each.keeps_seconds, each.oldest_seconds))
        table.add_row(each.kind.replace("_", " "), each.name, keeps, oldest, each.verdict, each.why)
    plain_console().print(table)


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"{seconds / 86400:.1f} d" if seconds >= 172_800 else f"{seconds / 3600:.1f} h"


def _seal(args: argparse.Namespace) -> int:
    from pipeline.cli import FAILED, OK, USAGE
    from pipeline.evidence.chain import ChainError, seal_all, sites_in
    from pipeline.secrets import SecretError

    output = args.output.rstrip("/")
    try:
        signer = signer_of(args.evidence_key)
        sites = sites_in(output)
    except SecretError as error:
        return _told("seal", f"--evidence-key: {error}", USAGE)
    if not sites:
        return _told("seal", f"{output}: holds no evidence; give the output of a run", USAGE)
    try:
        for sealed in seal_all(output, sites, signer):
            how = "signed" if signer else "not signed"
            print(f"{sealed.site}: {sealed.packs} packs sealed, {how}; {sealed.number} in all, head {sealed.head}")
    except ChainError as error:
        return _told("seal", error, FAILED)
    return OK


def signer_of(path: Path | None) -> Signer | None:
    """Return the key to sign with.

    Raises:
      SecretError: it cannot be used.
    """
    from pipeline.evidence.keys import load_signer

    return None if path is None else load_signer(path)


def _verify(args: argparse.Namespace) -> int:
    from pipeline.cli import FAILED, OK, USAGE
    from pipeline.evidence.chain import sites_in
    from pipeline.evidence.keys import load_public_key
    from pipeline.evidence.verify import verify

    output = args.output.rstrip("/")
    try:
        key = None if args.public_key is None else load_public_key(args.public_key)
    except (ValueError, OSError) as error:
        return _told("verify", f"--public-key: {error}", USAGE)
    records = not args.without_records
    sites = sites_in(output, records=records)
    wanted = sites if args.site is None else [args.site]
    if not wanted or not set(wanted) <= set(sites):
        return _told("verify", f"{output}: holds no evidence{f' of {args.site}' if args.site else ''}", USAGE)
    if args.head is not None and (not re.fullmatch(_HEAD, args.head) or len(wanted) != 1):
        return _told("verify", "--head: is 64 hexadecimal digits, of one site: name it by --site", USAGE)
    if args.open_from is not None and not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", args.open_from):
        return _told("verify", "--open-from: is written like 2026-01-05", USAGE)
    faults = 0
    for site in wanted:
        found = verify(output, site, key, head=args.head, records=records, open_from=args.open_from)
        _print_findings(found, checked=key is not None, records=records)
        faults += len(found.faults)
    return FAILED if faults else OK


def _print_findings(found: Findings, *, checked: bool, records: bool) -> None:
    signatures = f"{found.signed} of {found.seals} seals are signed"
    if not checked:
        signatures += " (not checked: give --public-key)"
    lines = [f"{found.packs} packs in the chain and whole", signatures]
    if records:
        lines.append(f"{found.files} record files are there as they were written")
    if found.untold:
        lines.append(f"{found.untold} record files in no pack yet: of days that are not closed, or dead letters")
    if found.unsealed:
        lines.append(f"{found.unsealed} packs not sealed yet, so nobody vouches for them: silhouette evidence seal")
    if found.head:
        lines.append(f"head {found.head}")
    print(f"{found.site}: {'FAULTS FOUND' if found.faults else 'good'}")
    for line in (*found.faults, *lines):
        print(f"  {line}")
