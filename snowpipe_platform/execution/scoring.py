"""Ask a version of a model about many rows, on the way to a table."""

from pathlib import Path
from tempfile import TemporaryDirectory

import ibis

from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.execution.plan import Scoring
from snowpipe_platform.ports import Session
from snowpipe_platform.records import FileLayout, LakeRows
from snowpipe_platform.spec.model import ScoringJob

_FEATURES, _ANSWERS = "features", "answers"


def bind_answers(scoring: Scoring, session: Session, ground: Ground) -> None:
    """Bind (key, probability) of every row of the features. They go through files, and nothing is left of these.

    Raises ModelError for a version whose files are not those that were registered, ServingError where it cannot be
    asked, or the features do not fit its signature.
    """
    answers = scoring.answers.schema()
    with TemporaryDirectory(prefix="snowpipe-scores-") as place:
        folder = Path(place)
        features = session.write(scoring.features, FileLayout(str(folder / _FEATURES), _FEATURES))
        job = ScoringJob(
            model=scoring.version.candidate.model,
            version=scoring.version.number,
            artefact=ground.models.registry.artefact(scoring.version),
            rows=tuple(Path(file.path) for file in features),
            key=scoring.key,
            answers=folder / f"{_ANSWERS}.parquet",
        )
        if features:
            ground.models.scorer.score(job)
        session.bind(_ANSWERS, LakeRows((str(job.answers),) if features else (), answers))
        session.materialize(scoring.answers.get_name(), ibis.table(answers, name=_ANSWERS))
