"""Is the evidence what was sealed, and are the records what the evidence says? Every fault by its file, none hidden."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import ValidationError

from pipeline import storage
from pipeline.evidence.chain import packs_in, read_seal, seal_name, seals_in, signed_part
from pipeline.evidence.keys import is_signed
from pipeline.evidence.sink import site_folder
from schemas.evidence import DayPack, canonical, pack_name, sha256_of
from schemas.seals import PACK, RetentionPack, Seal


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
      files: Record files that are there, and whole.
      unlisted: Record files that no pack names, as those of a worker that was killed while it wrote.
      head: Hash of the last seal.
    """

    site: str
    faults: list[str] = field(default_factory=list)
    packs: int = 0
    signed: int = 0
    seals: int = 0
    unsealed: int = 0
    files: int = 0
    unlisted: int = 0
    head: str | None = None


def verify(
    output: str, site: str, key: Ed25519PublicKey | None, *, head: str | None = None, records: bool = True
) -> Findings:
    """Check a site's chain from its first seal to its last.

    Args:
      output: Folder of the records.
      site: Name of the site.
      key: The public key that every seal must be signed with; None: signatures are not checked.
      head: Hash of a seal that the chain must hold, as `silhouette evidence seal` printed it.
      records: Whether the record files are read too.
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
    listed: set[str] = set()
    for seal, _ in seals:
        if seal.pack in sealed:
            found.faults.append(f"{folder}/{seal.pack}: is sealed twice")
        sealed.add(seal.pack)
        pack = _pack(folder, seal, found)
        for file in pack.files or () if isinstance(pack, DayPack) else ():
            if file.name not in listed and records:
                _check_file(output, file.name, file.sha256, found)
            listed.add(file.name)
    new = [name for name in packs_in(output, site) if name not in sealed]
    found.unsealed = len(new)
    if records:
        known = listed | set(_listed_in(folder, new))
        here = storage.find(f"{output}/records", ".avro") + storage.find(f"{output}/dead_letters", ".avro")
        names = (name.removeprefix(f"{output}/") for name in here)
        found.unlisted = sum(f"/site={site}/" in name and name not in known for name in names)
    return found


def packs_of(output: str, site: str) -> list[DayPack | RetentionPack]:
    """Return a site's packs that can be read, sealed or not, in the order of their dates."""
    folder = site_folder(output, site)
    return [pack for name in packs_in(output, site) if (pack := _read(folder, name)) is not None]


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
    pack = _parsed(content)
    if pack is None or (pack.site, pack_name(pack.date, content)) != (seal.site, seal.pack):
        found.faults.append(f"{name}: is no pack of this site and date")
        return None
    found.packs += 1
    return pack


def _read(folder: str, name: str) -> DayPack | RetentionPack | None:
    try:
        return _parsed(storage.read(f"{folder}/{name}"))
    except OSError:
        return None


def _parsed(content: bytes) -> DayPack | RetentionPack | None:
    try:
        pack = PACK.validate_json(content)
    except ValidationError:
        return None
    return pack if canonical(pack.model_dump(mode="json")) == content else None


def _listed_in(folder: str, names: list[str]) -> Iterator[str]:
    for name in names:
        pack = _read(folder, name)
        if isinstance(pack, DayPack):
            yield from (file.name for file in pack.files or ())


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
