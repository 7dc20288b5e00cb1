"""Train by pair-based spike-timing-dependent plasticity: the job of rules of kind `stdp_pair`."""

from functools import partial

from papers.learning_rules.learners.stdp_pair import build
from papers.learning_rules.settings.stdp_pair import PairSTDPSettings
from papers.learning_rules.train import train as train_by

train = partial(train_by, PairSTDPSettings, build)
