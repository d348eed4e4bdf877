"""Controls of the assessment, and the provisions that they support: from `controls.yaml`, checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib import resources
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from pipeline.notice.facts import SiteFacts

CONDITIONS: Mapping[str, Callable[[SiteFacts], bool]] = {
    "masked": lambda facts: facts.masked,
    "scheduled": lambda facts: bool(facts.hours),
    "suppressed": lambda facts: facts.k > 1,
    "retention_stated": lambda facts: facts.site.raw_retention is not None,
    "retention_checked": lambda facts: facts.checked is not None,
    "redacted": lambda facts: facts.video is True,
    "evidence_there": lambda facts: facts.days > 0,
}
"""What a control may need, and how it is told from the site file and the evidence."""

GDPR: Mapping[str, tuple[str, str]] = {
    "5": ("Principles", "Necessity and proportionality of counting here at all."),
    "6": ("Lawfulness", "Whether the stated legal basis holds: for legitimate interests, the balancing test."),
    "9": ("Special categories", "That nothing else at this site makes the pictures biometric data or reveals health, "
          "belief or the like, as a camera at the door of a clinic would."),
    "12": ("Transparent information", "Where the notice hangs, and in which languages."),
    "13": ("Information at collection", "The notice, before people come into view; contact of the data-protection "
           "officer, if there is one."),
    "14": ("Information where not from the person", "Whether it applies beside article 13."),
    "21": ("Right to object", "How an objection is taken, and what is done then; the software knows nobody, so it can "
           "leave out places and hours alone."),
    "25": ("By design and by default", "That k, masks, schedule and windows are chosen for this site."),
    "28": ("Processors", "Contracts with who runs the cloud, the edge machines and the job."),
    "30": ("Records of processing", "The entry in the register; the evidence belongs to it."),
    "32": ("Security", "Access to cameras, edge machines, topic, buckets and keys."),
    "35": ("Impact assessment", "This draft: completed, with the officer's advice, and reviewed after changes."),
    "44": ("Transfers", "In which countries cameras, topic, job, buckets and warehouse are, who outside has access, "
           "and on what basis."),
}  # fmt: skip
"""Articles with their names, and what of each is left to the controller."""

PIPEDA: Mapping[str, str] = {
    "accountability": "Who answers for it, by name.",
    "identifying purposes": "That the purposes were set before the cameras were.",
    "consent": "Whether a notice is enough, or which consent is asked for and how; the software asks nobody.",
    "limiting collection": "That the cameras see no more than they must.",
    "limiting use": "That the counts are used for the stated purposes alone, and for how long they are kept.",
    "accuracy": "How good the counts are at this site, against a count by hand.",
    "safeguards": "Access to cameras, edge machines, topic, buckets and keys.",
    "openness": "Where the notice and this assessment can be read.",
    "individual access": "How a request is answered while clips are there, and once they are gone; the software cannot "
    "tell which are of whom.",
    "challenging compliance": "To whom a complaint goes, and what becomes of it.",
}
"""The ten principles, and what of each is left to the organisation."""


class Control(BaseModel):
    """A mechanism, what it supports, and what shows it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    says: str
    needs: str | None = None
    gdpr: tuple[str, ...]
    pipeda: tuple[str, ...]
    shown_by: Annotated[tuple[str, ...], Field(min_length=1)]

    def holds(self, facts: SiteFacts) -> bool:
        """Return whether it is in place at a site."""
        return self.needs is None or CONDITIONS[self.needs](facts)

    def articles(self) -> frozenset[str]:
        """Return the articles that it supports, without their paragraphs."""
        return frozenset(article.split("(")[0] for article in self.gdpr)


@cache
def controls() -> tuple[Control, ...]:
    """Return all controls there are."""
    text = resources.files("pipeline.notice").joinpath("controls.yaml").read_text("utf-8")
    return TypeAdapter(tuple[Control, ...]).validate_python(yaml.safe_load(text))
