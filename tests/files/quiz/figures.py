"""Figures of the sample bank."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure


def falling(beta: float) -> Figure:
    """The DPO loss against u."""
    figure, axes = plt.subplots(figsize=(3, 2))
    u = np.geomspace(0.05, 20, 100)
    axes.plot(u, np.log1p(u**-beta))
    return figure
