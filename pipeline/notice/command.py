"""`silhouette notice`: the public notice, from the site file and the evidence."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.notice.facts import SiteFacts

# As `pipeline.notice.render` has them, whose import takes too long for --help; a test holds them equal.
LANGUAGES, FORMATS = ("en", "fr"), ("html", "md")


def add_parser(commands: Any) -> None:
    """Add the command's flags."""
    parser = commands.add_parser(
        "notice",
        help="write the public notice from site file and evidence",
        description="Writes the notice for the people who are filmed. It says what the site file and the evidence say, "
        "and refuses to while the site file leaves blanks.",
        epilog="Exit codes: 0 written; 1 failed; 2 wrong usage, or blanks in the site file.",
    )
    add_flags(parser)
    parser.add_argument("--lang", choices=LANGUAGES, default="en", help="default: %(default)s")


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that notice and assessment share."""
    parser.add_argument("--site", type=Path, required=True, metavar="SITE.yaml", help="site file, or a folder of them")
    parser.add_argument("--output", required=True, metavar="DIR", help="folder, or gs://…, to write into")
    parser.add_argument("--evidence", metavar="DIR", help="output of the job, a folder or gs://…: its evidence is read")
    parser.add_argument("--format", choices=FORMATS, default="html", help="default: %(default)s")


def run(args: argparse.Namespace) -> int:
    """Write a notice a site; returns the exit code."""
    from pipeline.notice.render import markdown

    def text(facts: SiteFacts) -> str:
        return markdown(f"notice.{args.lang}.md", args.lang, s=facts, cameras=len(facts.site.cameras))

    return write("notice", args, text, args.lang)


def write(command: str, args: argparse.Namespace, text: Any, language: str) -> int:
    """Write a page a site, and say where; returns the exit code.

    Args:
      command: Name of the command, and of its files.
      args: What `add_flags` added.
      text: From a site's facts to Markdown.
      language: Of the page.
    """
    from pipeline import storage
    from pipeline.cli import FAILED, OK, USAGE
    from pipeline.evidence.verify import DamagedError, packs_of
    from pipeline.notice.facts import STATED, site_facts
    from pipeline.notice.render import page
    from pipeline.sites import SiteFileError, load_sites

    try:
        sites = load_sites(args.site, stated=STATED)
    except (SiteFileError, OSError) as error:
        print(f"silhouette {command}: --site:\n{error}", file=sys.stderr)
        return USAGE
    output = None if args.evidence is None else args.evidence.rstrip("/")
    try:
        there = output is None or storage.find(f"{output}/evidence", ".json")
        packs = {site.site: () if output is None else packs_of(output, site.site) for site in sites}
    except (DamagedError, OSError) as error:
        print(f"silhouette {command}: --evidence: {error}", file=sys.stderr)
        return FAILED
    if not there:
        print(
            f"silhouette {command}: --evidence: {output} holds no evidence; give the output of a run", file=sys.stderr
        )
        return USAGE
    for site in sites:
        if output is not None and not packs[site.site]:
            print(
                f"silhouette {command}: --evidence: {output} holds none of {site.site}; its page says what the site "
                "file says, and nothing else",
                file=sys.stderr,
            )
        facts = site_facts(site, packs[site.site])
        written = text(facts)
        name = f"{args.output.rstrip('/')}/{command}-{site.site}.{language}.{args.format}"
        try:
            storage.write(name, (page(written, language) if args.format == "html" else written).encode())
        except OSError as error:
            # That of a bucket names the file itself.
            told = f"{name}: {error.strerror}" if error.strerror else str(error)
            print(f"silhouette {command}: --output: {told}", file=sys.stderr)
            return FAILED
        print(name)
        if facts.excess:
            print(
                f"silhouette {command}: {site.site}: {len(facts.excess)} of {facts.places} places, as each was looked "
                "at last, may keep clips longer than raw_retention says; this page says so, and `silhouette pia` which "
                "they are",
                file=sys.stderr,
            )
    return OK
