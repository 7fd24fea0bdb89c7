"""An image on its way: of what `docker save` wrote, only the layers that the host does not have.

`docker load` asks for a layer's file only when it does not hold the layer already, in the graph
drivers of Docker's classic image store. A release that changes only the relay is one megabyte.
"""

import gzip
import json
import posixpath
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

Chain = tuple[str, ...]  # an image's layers by content, the lowest first


@dataclass(frozen=True)
class Saved:
    """The file that `docker save` wrote, of one image."""

    path: Path
    chain: Chain
    files: tuple[str, ...]  # of each layer, in the archive

    @classmethod
    def open(cls, path: Path) -> "Saved":
        with tarfile.open(path) as archive:
            manifest = _json(archive, "manifest.json")[0]
            config = _json(archive, manifest["Config"])
        return cls(path, tuple(config["rootfs"]["diff_ids"]), tuple(manifest["Layers"]))

    def known(self, host: list[Chain]) -> int:
        """How many of the lowest layers are on a host with these images."""
        known = 0
        for chain in host:
            same = 0
            for ours, theirs in zip(self.chain, chain, strict=False):
                if ours != theirs:
                    break
                same += 1
            known = max(known, same)
        return known

    def bytes_above(self, known: int) -> int:
        """The size of what is left to send, unpacked."""
        with tarfile.open(self.path) as archive:
            dropped = self._dropped(archive, known)
            return sum(member.size for member in archive if member.name not in dropped)

    def write(self, known: int, to: IO[bytes]) -> None:
        """Write the archive without the layers that are known, a little compressed."""
        with (
            tarfile.open(self.path) as archive,
            gzip.GzipFile(fileobj=to, mode="wb", compresslevel=1) as packed,
            tarfile.open(fileobj=packed, mode="w|") as thin,
        ):
            dropped = self._dropped(archive, known)
            for member in archive:
                if member.name not in dropped:
                    thin.addfile(member, archive.extractfile(member) if member.isfile() else None)

    def _dropped(self, archive: tarfile.TarFile, known: int) -> set[str]:
        needed = {_target(archive, name) for name in self.files[known:]}
        return {_target(archive, name) for name in self.files[:known]} - needed


def _target(archive: tarfile.TarFile, name: str) -> str:
    # Engines before 25 write a layer that occurs twice as a link to its first file.
    member = archive.getmember(name)
    if not member.issym():
        return name
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), member.linkname))


def _json(archive: tarfile.TarFile, name: str) -> Any:
    file = archive.extractfile(name)
    assert file is not None, f"{name} is a file in every image"
    return json.load(file)
