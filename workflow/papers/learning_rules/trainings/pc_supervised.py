"""Train by supervised predictive coding: the job of rules of kind `pc_supervised`."""

from functools import partial

from papers.learning_rules.learners.pc_supervised import build
from papers.learning_rules.settings.pc_supervised import SupervisedPCSettings
from papers.learning_rules.train import train as train_by

train = partial(train_by, SupervisedPCSettings, build)
