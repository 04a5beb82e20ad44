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
# # Interpretability: what a probe reads from rendered music
#
# Out-of-fold scores of probes on hidden states beside those on tokens and energy alone, with intervals and nulls.
# Run `snakemake interpretability` first; `SONOSCOPE_RUN` names another run than `demo`.

# %%
import os

import matplotlib.pyplot as plt

from sonoscope import results

RUN = os.environ.get("SONOSCOPE_RUN", "demo")
probes = results.load(RUN, "interpretability/probes")
probes = probes[probes["pieces"] == "controlled"]  # "free": keys, instruments and registers differ too
probes[["target", "source", "measure", "value", "low", "high", "null", "control"]].round(2)

# %%
figure, axes = plt.subplots(figsize=(6.8, 3.4))
targets = list(dict.fromkeys(probes["target"]))
for k, (source, own) in enumerate(probes.groupby("source", sort=False)):
    places = [targets.index(t) + 0.2 * (k - 1) for t in own["target"]]
    below, above = own["value"] - own["low"], own["high"] - own["value"]
    axes.errorbar(own["value"], places, xerr=[below, above], fmt="o", label=source)
states = probes[probes["source"] == probes["source"].iloc[0]]
axes.plot(states["null"], [targets.index(t) for t in states["target"]], "|", color="grey", markersize=16, label="null")
axes.set_yticks(range(len(targets)), targets)
axes.set(xlabel="AUC (mode) or R²", title=f"n = {int(probes['n'].max())} pieces; bars: 95 % intervals")
axes.legend()
plt.show()
