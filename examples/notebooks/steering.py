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
# # Steering: dose and response
#
# The share of clips that show the target against the coefficient, for each direction, from stored results.
# Run `snakemake steering` first; `SONOSCOPE_RUN` names another run than `demo`.

# %%
import os

import matplotlib.pyplot as plt

from sonoscope import results

RUN = os.environ.get("SONOSCOPE_RUN", "demo")
table = results.load(RUN, "steering/dose_response")
experiment = table[table["unit"] == "share"]["experiment"].iloc[0]  # the first one that is judged by a share of clips
curve = table[table["experiment"] == experiment]
unsteered = curve[curve["estimator"] == "none"].iloc[0]

# %%
figure, axes = plt.subplots(figsize=(6.8, 3))
for estimator, own in curve[curve["estimator"] != "none"].groupby("estimator"):
    own = own.sort_values("coefficient")
    x, y = [0.0, *own["coefficient"]], [unsteered["accuracy"], *own["accuracy"]]
    below, above = own["accuracy"] - own["low"], own["high"] - own["accuracy"]
    line = axes.plot(x, y, marker="o", label=estimator)[0]
    axes.errorbar(own["coefficient"], own["accuracy"], yerr=[below, above], fmt="none", color=line.get_color())
axes.axhline(curve["chance"].iloc[0], linestyle="--", color="grey", label="chance")
axes.set(xlabel=f"coefficient ({curve['coefficient_unit'].iloc[0]})", ylabel="share of clips", ylim=(0, 1.03))
axes.set_title(f"{experiment}, n = {int(curve['n'].max())} clips each; bars: 95 % intervals")
axes.legend()
plt.show()
