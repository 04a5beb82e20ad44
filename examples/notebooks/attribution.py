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
# # Attribution: which scores agree with retraining?
#
# The rank correlation between what a method says of training songs and what retraining without them does (LDS).
# Run `snakemake attribution` first; `SONOSCOPE_RUN` names another run than `demo`.

# %%
import os

import matplotlib.pyplot as plt

from sonoscope import results

RUN = os.environ.get("SONOSCOPE_RUN", "demo")
judged = results.load(RUN, "attribution/judgement")
lds = judged[judged["measure"] == "lds"].dropna(subset=["low", "high"]).sort_values("value")
lds[["method", "value", "low", "high", "n"]].round(2)

# %%
figure, axes = plt.subplots(figsize=(6.8, 0.6 + 0.22 * len(lds)))
below, above = lds["value"] - lds["low"], lds["high"] - lds["value"]
axes.errorbar(lds["value"], range(len(lds)), xerr=[below, above], fmt="o")
axes.set_yticks(range(len(lds)), lds["method"])
axes.axvline(0, linestyle="--", color="grey")
axes.set(
    xlabel="LDS (rank correlation)", title=f"n = {int(lds['n'].max())} clips; bars: 95 % intervals; 0: random scores"
)
plt.show()
