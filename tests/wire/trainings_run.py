"""Trainings one after another on every rank: `python -m octo.ml.gang ... -m tests.wire.trainings_run FLAGS...`.

FLAGS are a training's, as one JSON list. As a job does, it takes credentials from the environment.
"""

import json
import os
import sys

from octo.job import produce
from octo.settings.loading import load
from octo.settings.midtraining import MidtrainingSettings

if __name__ == "__main__":
    for flags in sys.argv[1:]:
        produce(load(MidtrainingSettings, json.loads(flags), os.environ), "octo.ml.midtraining:midtrain")
