"""TinyShop with a model, whose versions are registered by hand.

shop = ModelShop(tmp_path, monkeypatch)
shop.register()
assert shop.type("models", "approve", "churn", "1", "--reason", "good").exit_code == 0
"""

from snowpipe_platform.backends.sqlite_registry import SqliteRegistry
from snowpipe_platform.settings import read_settings
from snowpipe_platform.spec.model_version import Served
from snowpipe_platform_tests.evaluating import AT, candidate, evaluation
from snowpipe_platform_tests.tiny import TinyShop

CHURN = """
from datetime import timedelta
from snowpipe_platform.spec.gates import AtLeast, NotWorseThanChampion
from snowpipe_platform.spec.model import Model

MODEL = Model(name="churn", description="Who leaves.", owners=("team:crm",), label="churned",
    horizon=timedelta(days=90), training="no.script",
    gates=(AtLeast("roc_auc", 0.6), NotWorseThanChampion("roc_auc", by=0.01)))
"""
FILES = {"models/__init__.py": "", "models/churn/__init__.py": "", "models/churn/model.py": CHURN}


class ModelShop(TinyShop):
    """Whoever is asked says yes. more: files of the package, in place of others or besides."""

    def __init__(self, folder, monkeypatch, more=None):
        super().__init__(folder, monkeypatch, more=FILES | (more or {}))
        monkeypatch.setattr("snowpipe_platform.commands.deciding._is_asked", lambda: False)

    @property
    def registry(self):
        return SqliteRegistry(read_settings().models_folder)

    def register(self, found=None, **changed):
        folder = self.folder / "artefact"
        folder.mkdir(exist_ok=True)
        (folder / "card.html").touch()
        made_of = f"{len(self.registry.versions('churn')) + 1:064x}"
        wanted = candidate(**{"evaluation": found or evaluation(), "training_set": made_of} | changed)
        return self.registry.register(wanted, artefact=folder)

    def serve(self, number):
        served = Served(version=number, action="deploy", by="ann", at=AT, reason="the first")
        self.registry.record_served("churn", served)
