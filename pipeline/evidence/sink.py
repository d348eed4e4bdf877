"""WriteEvidence: packs beside the records, whole when visible, the same name for the same content.

Packs are written unsealed: no key that signs is ever on a worker. `pipeline/evidence/chain.py` seals them.
"""

from __future__ import annotations

from dataclasses import dataclass

import apache_beam as beam

from pipeline import storage
from schemas.evidence import pack_name
from transforms.pack import SitePack


def site_folder(output: str, site: str) -> str:
    """Return the folder of a site's evidence."""
    return f"{output}/evidence/site={site}"


def write_pack(output: str, pack: SitePack) -> str:
    """Write a pack under a name made of its content; returns the name."""
    name = f"{site_folder(output, pack.site)}/{pack_name(pack.date, pack.content)}"
    storage.write(name, pack.content)
    return name


@dataclass(eq=False)
class WriteEvidence(beam.PTransform[beam.PCollection[SitePack], beam.PCollection[str]]):
    """Writes packs of evidence; returns their names.

    Attributes:
      output: Folder of the records.
    """

    output: str

    def expand(self, packs: beam.PCollection[SitePack]) -> beam.PCollection[str]:
        output = self.output
        return packs | "Write" >> beam.Map(lambda pack: write_pack(output, pack)).with_output_types(str)
