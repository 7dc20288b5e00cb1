"""Published language models on a passage: what they predict, and each layer's mean and s.d."""

import numpy as np
import pytest
import torch
from manifests import from_package

from replicortex.core.randomness import generator
from replicortex.data import language_models
from replicortex.models import transformer

pytestmark = pytest.mark.slow  # 175 MB of packages

CPU = torch.device("cpu")
PASSAGE = (
    "The visual cortex of the brain is the area of the cerebral cortex that processes visual "
    "information. It is located in the occipital lobe. Sensory input originating from the eyes travels "
    "through the lateral geniculate nucleus in the thalamus and then reaches the visual cortex."
)
