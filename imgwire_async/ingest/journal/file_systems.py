"""File systems that can hold a journal: SQLite's locks and memory map are unreliable over a network."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Final

_MOUNTS: Final = Path("/proc/self/mountinfo")
_NETWORK: Final = frozenset(
    {
        *("afs", "beegfs", "ceph", "cifs", "glusterfs", "gpfs", "lustre", "nfs", "nfs4", "smb3", "smbfs"),
        *("fuse.blobfuse", "fuse.blobfuse2", "fuse.ceph", "fuse.gcsfuse", "fuse.glusterfs", "fuse.mount-s3"),
        *("fuse.mountpoint-s3", "fuse.rclone", "fuse.s3fs", "fuse.sshfs"),
    }
)
"""Names of the types on Linux. EFS, FSx for ONTAP and Filestore are `nfs4` or `nfs`."""
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")


def network_file_system(path: Path) -> str | None:
    """The type of the file system that `path` is or will be on, if it is a network file system.

    None for a local one, and where the type is unknown: only Linux reports it.
    """
    real = os.path.realpath(path)
    mounted, kind = "", None
    with suppress(OSError):
        for line in _MOUNTS.read_text(errors="surrogateescape").splitlines():
            place, found, type_and_source = line.partition(" - ")
            fields = place.split(" ")
            if not found or len(fields) < 5:
                continue
            point = _ESCAPED.sub(lambda code: chr(int(code[1], 8)), fields[4])
            is_above = point == "/" or real == point or real.startswith(point + "/")
            if is_above and len(point) >= len(mounted):  # of two at one point, the later one is visible
                mounted, kind = point, type_and_source.partition(" ")[0]
    return kind if kind in _NETWORK else None
