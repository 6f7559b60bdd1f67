"""Catalogs of open tables: which one is meant, and what to say when one does not do what it should.

`lake` is the lake's own, an SQLite file in its folder `catalog/`. Any other word is a catalog of pyiceberg's own
configuration (`~/.pyiceberg.yaml`, or `PYICEBERG_CATALOG__NAME__URI` in the environment), a path a TOML file of the
same properties. What they hold of secrets is shown nowhere.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from gexlake.db.layout import LakeLayout, make_directories
from gexlake.errors import CatalogError, UsageError
from gexlake.models.publishing import OWN_CATALOG

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog

MASK = "********"
_SECRET = re.compile(r"secret|token|credential|password|key", re.IGNORECASE)
_USER = re.compile(r"(?<=://)[^/@\s]+(?=@)")
_INSTALL = "Install it with `pip install 'gexlake[iceberg]'`."


@dataclass(frozen=True, slots=True)
class CatalogChoice:
    """A catalog that was named: how it is opened, and what it is called in reports."""

    name: str
    properties: Mapping[str, str] = field(default_factory=dict, repr=False)

    def follower(self, namespace: str) -> str:
        """As `db.followers` knows the tables of a namespace."""
        return f"iceberg:{self.name}:{namespace}"

    def redact(self, text: str) -> str:
        """The text without what the properties have of secrets."""
        for name, value in self.properties.items():
            if _SECRET.search(name) and value:
                text = text.replace(value, MASK)
        return _USER.sub(MASK, text)


def choose_catalog(layout: LakeLayout, named: str = OWN_CATALOG) -> CatalogChoice:
    """The catalog that is meant. Raises `UsageError` for a file that is none, or holds something else."""
    if named == OWN_CATALOG:
        return CatalogChoice(OWN_CATALOG, _own_properties(layout))
    if not named.endswith(".toml"):
        return CatalogChoice(named)
    file = Path(named).absolute()
    try:
        return CatalogChoice(str(file), dict(_flat(tomllib.loads(file.read_text(encoding="utf-8")))))
    except OSError as error:
        raise UsageError(f"The catalog's file {file} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"The catalog's file {file} is not valid TOML: {error}.") from error


def open_catalog(layout: LakeLayout, choice: CatalogChoice) -> Catalog:
    """The catalog itself.

    Raises `UsageError` where pyiceberg is missing or knows none of that name, `CatalogError` where it does not answer.
    """
    try:
        from pyiceberg.catalog import load_catalog
        from pyiceberg.exceptions import NotInstalledError
    except ImportError as error:
        raise UsageError("Open tables are written by pyiceberg, which is not installed.", hint=_INSTALL) from error
    if choice.name == OWN_CATALOG:
        make_directories(layout.catalog)
    try:
        with catalog_faults(choice):  # a catalog is asked for its own configuration first
            return load_catalog(Path(choice.name).stem, **choice.properties)
    except (ValueError, ImportError, NotInstalledError) as error:
        raise UsageError(
            f"The catalog {choice.name} cannot be opened: {choice.redact(str(error)).rstrip('.')}.",
            hint=f"Name `{OWN_CATALOG}`, a catalog of pyiceberg's configuration, or a TOML file with its properties.",
        ) from error


@contextmanager
def catalog_faults(choice: CatalogChoice) -> Iterator[None]:
    """What goes wrong with a catalog, its storage or the way there, raised as `CatalogError`."""
    from pyiceberg import exceptions
    from pyiceberg.exceptions import CommitFailedException, RESTError
    from requests.exceptions import RequestException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (
        RESTError,
        CommitFailedException,
        exceptions.ValidationException,
        exceptions.NoSuchNamespaceError,
        exceptions.NoSuchTableError,
        exceptions.SignError,
        RequestException,
        SQLAlchemyError,
        OSError,
    ) as error:
        words = choice.redact(str(error).strip().partition("\n")[0]).rstrip(".") or type(error).__name__
        raise CatalogError(
            f"The catalog {choice.name} does not do what is asked: {words}.",
            hint="Nothing is lost: what is committed is carried over by the next `gexlake publish`.",
        ) from error


def _own_properties(layout: LakeLayout) -> dict[str, str]:
    root = layout.catalog.absolute()
    return {
        "type": "sql",
        "uri": f"sqlite:///{quote(str(root / 'catalog.sqlite'))}",
        "warehouse": f"file://{root}",
    }


def _flat(table: Mapping[str, object], before: str = "") -> Iterator[tuple[str, str]]:
    """`[s3] endpoint = …` is the property `s3.endpoint`."""
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", str(value).lower() if isinstance(value, bool) else str(value)
