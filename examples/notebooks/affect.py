# ---
# jupyter:
#   jupytext:
#     formats: py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Affect: are the predictions calibrated?
#
# Bars of unseen songs in ten equal parts by their prediction: mean label against mean prediction.
# Run `snakemake affect` first; `SONOSCOPE_RUN` names another run than `demo`.

# %%
import os

import matplotlib.pyplot as plt

from sonoscope import results

RUN = os.environ.get("SONOSCOPE_RUN", "demo")
bins = results.load(RUN, "affect/reliability")
corpus, model = bins["corpus"].iloc[0], bins["model"].iloc[0]
bins = bins[(bins["corpus"] == corpus) & (bins["model"] == model)]

# %%
figure, axes = plt.subplots(figsize=(4.2, 4))
for dimension, own in bins.groupby("dimension", sort=False):
    below, above = own["true"] - own["low"], own["high"] - own["true"]
    axes.errorbar(own["predicted"], own["true"], yerr=[below, above], marker="o", label=dimension)
axes.plot([-1, 1], [-1, 1], linestyle="--", color="grey")
axes.set(xlabel="predicted", ylabel="annotated, mean", title=f"{model} on {corpus}; bars: 95 % intervals over songs")
axes.legend()
plt.show()
