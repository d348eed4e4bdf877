"""The chain of a site's evidence: one seal a pack, with the hash of the seal before it, signed where a key is given.

Workers write packs, without order and without a key. Whoever runs the job seals them: `silhouette run` when it has
ended, `silhouette evidence seal` for the packs of a live job. Sealing again seals what is new, and nothing twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import ValidationError

from pipeline import storage
from pipeline.evidence.keys import Signer
from pipeline.evidence.sink import site_folder
from schemas.clock import now_us, to_rfc3339
from schemas.evidence import VERSION, canonical, sha256_of
from schemas.seals import Seal, is_pack_name

_SEALS = "seals"
_SITE = re.compile(r"/(?:evidence|records/[a-z_]+|dead_letters)/site=([a-z0-9][a-z0-9_-]{0,62})/")


class ChainError(ValueError):
    """A chain that cannot be gone on with; the text says where."""


@dataclass(frozen=True)
class Sealed:
    """What came of sealing a site.

    Attributes:
      site: Its name.
      packs: How many packs were sealed now.
      number: How many seals the chain has.
      head: Hash of the last seal; kept elsewhere, it shows whether the chain's end was cut off. None for no seal.
    """

    site: str
    packs: int
    number: int
    head: str | None


def sites_in(output: str, *, records: bool = False) -> list[str]:
    """Return the sites that have evidence under an output folder; if asked, also those that have record files alone."""
    names = storage.find(f"{output}/evidence", ".json") + (files_in(output) if records else [])
    found = (_SITE.match(name.removeprefix(output)) for name in names)
    return sorted({match[1] for match in found if match})


def files_in(output: str) -> list[str]:
    """Return the full names of all files of records and dead letters under an output folder."""
    return storage.find(f"{output}/records", ".avro") + storage.find(f"{output}/dead_letters", ".avro")


def packs_in(output: str, site: str) -> list[str]:
    """Return the names of a site's packs under its folder, in the order of their dates."""
    folder = site_folder(output, site)
    names = (name.removeprefix(f"{folder}/") for name in storage.find(folder, ".json"))
    return sorted(name for name in names if is_pack_name(name))


def seals_in(output: str, site: str) -> list[str]:
    """Return the full names of a site's seals, in the order of their numbers."""
    return storage.find(f"{site_folder(output, site)}/{_SEALS}", ".json")


def seal_name(output: str, site: str, number: int) -> str:
    """Return the full name of a seal."""
    return f"{site_folder(output, site)}/{_SEALS}/{number:08}.json"


def read_seal(content: bytes) -> Seal:
    """Read a seal.

    Raises:
      ValueError: it is none, or is not written the one way.
    """
    seal = Seal.model_validate_json(content)
    if canonical(seal.model_dump(mode="json")) != content:
        raise ValueError("a seal is written one way only")
    return seal


def signed_part(seal: Seal) -> bytes:
    """Return what the signature of a seal is over."""
    return canonical(seal.model_dump(mode="json", exclude={"signature"}))


def seal(output: str, site: str, signer: Signer | None) -> Sealed:
    """Seal a site's packs that have no seal yet; the chain is gone on with as it is found.

    Raises:
      ChainError: a seal cannot be read, somebody else is sealing, or the last seal is signed and there is no key.
    """
    names = seals_in(output, site)
    contents = [storage.read(name) for name in names]
    try:
        seals = [read_seal(content) for content in contents]
    except (ValidationError, ValueError):
        raise ChainError(
            f"{site_folder(output, site)}/{_SEALS}: a seal there is damaged: see `silhouette evidence verify`"
        ) from None
    done = {each.pack for each in seals}
    before = sha256_of(contents[-1]) if contents else None
    number = seals[-1].number if seals else 0
    new = [name for name in packs_in(output, site) if name not in done]
    if new and signer is None and seals and seals[-1].signature is not None:
        # Nobody could ever take an unsigned seal out of the chain again.
        raise ChainError(
            f"{site_folder(output, site)}: its last seal is signed, and {len(new)} new packs would not be: give "
            "--evidence-key, or seal them by `silhouette evidence seal` with it"
        )
    for pack in new:
        number += 1
        made = Seal(
            version=VERSION,
            site=site,
            number=number,
            pack=pack,
            pack_sha256=sha256_of(storage.read(f"{site_folder(output, site)}/{pack}")),
            before=before,
            sealed=to_rfc3339(now_us()),
            signature=None,
        )
        if signer is not None:
            made = made.model_copy(update={"signature": signer.sign(signed_part(made))})
        content = canonical(made.model_dump(mode="json"))
        _write_new(seal_name(output, site, number), content)
        before = sha256_of(content)
    return Sealed(site, len(new), number, before)


def seal_all(output: str, sites: Iterable[str], signer: Signer | None) -> list[Sealed]:
    """Seal the packs of sites; those without any are left out.

    Raises:
      ChainError: a chain cannot be gone on with.
    """
    here = set(sites_in(output))
    return [seal(output, site, signer) for site in sorted(here & set(sites))]


def _write_new(name: str, content: bytes) -> None:
    """Write a seal that is not there: two at once cannot both succeed."""
    try:
        storage.write_new(name, content)
    except FileExistsError:
        raise ChainError(f"{name}: is there already: let one process seal at a time") from None
