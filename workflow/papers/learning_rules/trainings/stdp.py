"""Train by spike-timing-dependent plasticity: the job of rules of kind `stdp`."""

from functools import partial

from papers.learning_rules.learners.stdp import build
from papers.learning_rules.settings.stdp import STDPSettings
from papers.learning_rules.train import train as train_by

train = partial(train_by, STDPSettings, build)
