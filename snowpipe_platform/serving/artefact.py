"""The files of a version, known by their hash: a model is a pickle, which runs code when it is read."""

import hashlib
from pathlib import Path

from snowpipe_platform.errors import ServingError
from snowpipe_platform.records import Deployment


def folder_hash(folder: Path) -> str:
    """Sha-256 over the names and contents of a folder's files."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{content}\0".encode())
    return digest.hexdigest()


def require_as_deployed(deployment: Deployment) -> None:
    """Raises ServingError when the files are not those that were deployed, or nobody can know."""
    what = f"version {deployment.version} in {deployment.artefact}"
    if deployment.artefact_hash is None:
        mend = f'snowpipe models deploy {deployment.model} {deployment.version} --reason "..."'
        raise ServingError(f"{what} was deployed without the hash of its files. Deploy it again: {mend}")
    try:
        found = folder_hash(Path(deployment.artefact))
    except OSError as error:
        raise ServingError(f"{what} cannot be read ({error.strerror or error}). Make it readable.") from error
    if found != deployment.artefact_hash:
        raise ServingError(f"{what} has other files than were deployed. Restore it from a backup, or train again.")
