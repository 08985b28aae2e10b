"""Browser code that arrives inside Python packages, so that none is committed here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage, Storage

# Public name -> (package, file inside it).
PACKAGE_FILES: Final = MappingProxyType(
    {
        "vendor/lightweight-charts.js": ("litecharts", "js/lightweight-charts.js"),
        "vendor/htmx.js": ("django_htmx", "static/django_htmx/htmx-2.min.js"),
    }
)


class _OneFileStorage(FileSystemStorage):
    """Serve one file under its public name."""

    def __init__(self, source: Path) -> None:
        super().__init__(location=source.parent)
        self.source = source

    def path(self, name: str) -> str:
        return str(self.source)


class PackageFilesFinder(BaseFinder):
    """Find the files of `PACKAGE_FILES` for collectstatic and the development server."""

    def _source(self, public_name: str) -> Path | None:
        if public_name not in PACKAGE_FILES:
            return None
        package, inside = PACKAGE_FILES[public_name]
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            return None
        return Path(spec.origin).parent / inside

    def find(self, path: str, find_all: bool = False, **_: Any) -> Any:  # noqa: FBT001, FBT002  # Django's signature
        """Return the path of a public name, in a list when all are asked for."""
        source = self._source(path)
        if find_all:
            return [str(source)] if source else []
        return str(source) if source else None

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, Storage]]:
        """Yield every public name with a storage that opens it."""
        for name in PACKAGE_FILES:
            source = self._source(name)
            if source is not None:
                yield name, _OneFileStorage(source)
