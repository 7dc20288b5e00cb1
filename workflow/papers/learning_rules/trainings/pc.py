"""Train by predictive coding: the job of rules of kind `pc`."""

from functools import partial

from papers.learning_rules.learners.pc import build
from papers.learning_rules.settings.pc import PCSettings
from papers.learning_rules.train import train as train_by

train = partial(train_by, PCSettings, build)
