"""Train by backpropagation: the job of rules of kind `bp`."""

from functools import partial

from papers.learning_rules.learners.bp import build
from papers.learning_rules.settings.bp import BPSettings
from papers.learning_rules.train import train as train_by

train = partial(train_by, BPSettings, build)
