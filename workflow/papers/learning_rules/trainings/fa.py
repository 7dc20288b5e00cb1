"""Train by feedback alignment: the job of rules of kind `fa`."""

from functools import partial

from papers.learning_rules.learners.fa import build
from papers.learning_rules.settings.fa import FASettings
from papers.learning_rules.train import train as train_by

train = partial(train_by, FASettings, build)
