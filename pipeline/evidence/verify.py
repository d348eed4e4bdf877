"""Is the evidence what was sealed, and are the records what the evidence says? Every fault by its file, none hidden."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date as Date
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import ValidationError

from pipeline import storage
from pipeline.evidence.chain import files_in, packs_in, read_seal, seal_name, seals_in, signed_part
from pipeline.evidence.keys import is_signed
from pipeline.evidence.sink import site_folder
from schemas.evidence import UNDATED, DayPack, canonical, pack_name, sha256_of
from schemas.seals import PACK, RetentionPack, Seal


class DamagedError(ValueError):
    """A pack that is not what was written; the text names its file."""


@dataclass
class Findings:
    """What was found of one site.

    Attributes:
      site: Its name.
      faults: What is not as it was sealed, a line each; none for a good chain.
      packs: Packs that are in the chain and whole.
      signed: Seals with a signature, whether it was checked or not.
      seals: Seals in the chain.
      unsealed: Packs that are not in the chain yet.
      files: Record files that packs name, sealed or not, and that are there and whole.
      untold: Record files that no pack names yet, of days that none tells of yet.
      head: Hash of the last seal.
    """

    site: str
    faults: list[str] = field(default_factory=list)
    packs: int = 0
    signed: int = 0
    seals: int = 0
    unsealed: int = 0
    files: int = 0
    untold: int = 0
    head: str | None = None


def verify(
    output: str,
    site: str,
    key: Ed25519PublicKey | None,
    *,
    head: str | None = None,
    records: bool = True,
    open_from: str | None = None,
) -> Findings:
    """Check a site's chain from its first seal to its last, and the records against all packs.

    Args:
      output: Folder of the records.
      site: Name of the site.
      key: The public key that every seal must be signed with; None: signatures are not checked.
      head: Hash of a seal that the chain must hold, as `silhouette evidence seal` printed it.
      records: Whether the record files are read too.
      open_from: The first date that a job still works on, so that files of it may be told later; by default the day
        after the last that a pack tells of. Where none tells of any, record files are a fault without it.
    """
    found = Findings(site)
    folder = site_folder(output, site)
    seals = list(_seals(output, site, key, found))
    if head is not None and head not in {content_sha256 for _, content_sha256 in seals}:
        found.faults.append(
            f"{folder}/seals: holds no seal of hash {head}: the end of the chain is missing, or changed"
        )
    found.head = seals[-1][1] if seals else None
    sealed: set[str] = set()
    packs: list[DayPack | RetentionPack | None] = []
    for seal, _ in seals:
        if seal.pack in sealed:
            found.faults.append(f"{folder}/{seal.pack}: is sealed twice")
        sealed.add(seal.pack)
        packs.append(_pack(folder, seal, found))
    new = [name for name in packs_in(output, site) if name not in sealed]
    found.unsealed = len(new)
    if key is not None and new and not found.seals:
        found.faults.append(f"{folder}: holds {len(new)} packs and no seal: none was made yet, or all were taken away")
    packs += [_unsealed(folder, name, found) for name in new]
    if records:
        days = [pack for pack in packs if isinstance(pack, DayPack)]
        told = {file.name: file.sha256 for pack in days for file in pack.files or ()}
        for name, sha256 in told.items():
            _check_file(output, name, sha256, found)
        _check_untold(output, site, told, open_from or _after(pack.date for pack in days), found)
        if found.untold and not days and open_from is None:
            found.faults.append(
                f"{folder}: no pack that can be read tells of any day, and {found.untold} record files are there: the "
                "evidence was taken away, or no day of theirs is closed yet (--open-from)"
            )
    return found


def _after(dates: Iterable[str]) -> str:
    """Return the day after the last date; with none, one before all."""
    last = max((date for date in dates if date != UNDATED), default=None)
    return "" if last is None else (Date.fromisoformat(last) + timedelta(days=1)).isoformat()


def packs_of(output: str, site: str, dates: Collection[str] | None = None) -> list[DayPack | RetentionPack]:
    """Return a site's packs, sealed or not, in the order of their dates; of some dates, if given.

    Raises:
      DamagedError: one of them is not what was written.
      OSError: one cannot be read.
    """
    names = [name for name in packs_in(output, site) if dates is None or _date_of(name) in dates]
    return [_read(f"{site_folder(output, site)}/{name}", site, name) for name in names]


def _read(path: str, site: str, name: str) -> DayPack | RetentionPack:
    pack = _pack_of(storage.read(path), site, name)
    if pack is None:
        raise DamagedError(f"{path}: is not what was written: see `silhouette evidence verify`")
    return pack


def _seals(output: str, site: str, key: Ed25519PublicKey | None, found: Findings) -> Iterator[tuple[Seal, str]]:
    """Yield the seals that can be read, with their hashes."""
    before: str | None = None
    for number, name in enumerate(seals_in(output, site), 1):
        content = storage.read(name)
        found.seals += 1
        try:
            seal = read_seal(content)
        except (ValidationError, ValueError):
            found.faults.append(f"{name}: is no seal, or is damaged")
            before = sha256_of(content)
            continue
        if name != seal_name(output, site, number) or (seal.number, seal.site) != (number, site):
            found.faults.append(f"{name}: stands at place {number}: a seal is missing, or was moved")
        if seal.before != before:
            found.faults.append(f"{name}: does not follow the seal before it: one was taken out, put in or changed")
        if seal.signature is not None:
            found.signed += 1
        if key is not None:
            if seal.signature is None:
                found.faults.append(f"{name}: is not signed")
            elif not is_signed(signed_part(seal), seal.signature, key):
                found.faults.append(f"{name}: is not signed with this key, or was changed since")
        before = sha256_of(content)
        yield seal, before


def _pack(folder: str, seal: Seal, found: Findings) -> DayPack | RetentionPack | None:
    name = f"{folder}/{seal.pack}"
    try:
        content = storage.read(name)
    except OSError:
        found.faults.append(f"{name}: is sealed, and cannot be read")
        return None
    if sha256_of(content) != seal.pack_sha256:
        found.faults.append(f"{name}: was changed since it was sealed")
        return None
    pack = _pack_of(content, seal.site, seal.pack)
    if pack is None:
        found.faults.append(f"{name}: is no pack of this site and date")
        return None
    found.packs += 1
    return pack


def _pack_of(content: bytes, site: str, name: str) -> DayPack | RetentionPack | None:
    """Return the pack that a file holds; None where it is not the one that its site and name say it is."""
    try:
        pack = PACK.validate_json(content)
    except ValidationError:
        return None
    written = canonical(pack.model_dump(mode="json")) == content
    return pack if written and (pack.site, pack_name(pack.date, content)) == (site, name) else None


def _unsealed(folder: str, name: str, found: Findings) -> DayPack | RetentionPack | None:
    """Read a pack that is not in the chain: its name alone says what it must be."""
    content = _content(f"{folder}/{name}")
    pack = None if content is None else _pack_of(content, found.site, name)
    if pack is None:
        found.faults.append(f"{folder}/{name}: is not sealed, and not what was written")
        return None
    return pack


def _content(name: str) -> bytes | None:
    try:
        return storage.read(name)
    except OSError:
        return None


def _check_untold(output: str, site: str, told: Mapping[str, str], open_from: str, found: Findings) -> None:
    """Check the record files that no pack names: of an open day they are to come, of any other day they are a fault."""
    for file in files_in(output):
        name = file.removeprefix(f"{output}/")
        if f"/site={site}/" not in name or name in told:
            continue
        content, date = _content(file), _date_of(name)
        if content is None or not name.endswith(f"/{sha256_of(content)[:32]}.avro"):
            found.faults.append(f"{file}: no pack names it, and it is not what was written")
        elif date is None or date >= open_from:  # dead letters stand in no folder of a day
            found.untold += 1
        else:
            found.faults.append(
                f"{file}: no pack names it, and its day is over: it was put there, a worker was killed while it wrote "
                "it, or a job still works on that day (--open-from)"
            )


def _date_of(name: str) -> str | None:
    """Return the date in a file's name, if there is one."""
    match = re.search(r"/?date=([0-9]{4}-[0-9]{2}-[0-9]{2}|undated)/", name)
    return match[1] if match else None


def _check_file(output: str, name: str, sha256: str, found: Findings) -> None:
    try:
        content = storage.read(f"{output}/{name}")
    except OSError:
        found.faults.append(f"{output}/{name}: a pack names it, and it cannot be read")
        return
    if sha256_of(content) == sha256:
        found.files += 1
    else:
        found.faults.append(f"{output}/{name}: is not what was written")
