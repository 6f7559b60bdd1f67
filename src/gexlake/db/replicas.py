"""A lake that follows a published one is written by what follows, and by nobody else."""

from __future__ import annotations

from gexlake.db.layout import LakeLayout
from gexlake.errors import LakeError


def refuse_replica(layout: LakeLayout) -> None:
    """Raise `LakeError` for a replica: what others write into it would be lost, or answered as what was published."""
    if layout.replica_file.exists():
        raise LakeError(
            f"The lake {layout.root} is a replica: it follows a published one, and only reads.",
            hint="Do it where the owner of the published lake is; or name another lake.",
        )
