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
# # Dynamics: likelihood against horizon
#
# Negative log-likelihood of the next difference on test speakers, for every model on one scale.
# Run `snakemake tier1` first; `SONOSCOPE_RUN` names another run than `demo`.

# %%
import os

import matplotlib.pyplot as plt

from sonoscope import results

RUN = os.environ.get("SONOSCOPE_RUN", "demo")
tables = results.load(RUN, "dynamics/fit_dynamics/tables")
codec = next(c for c in dict.fromkeys(tables["codec"]) if c != "known")
rows = tables[(tables["codec"] == codec) & (tables["slice"] == "all")].dropna(subset=["eval_nll"])

# %%
figure, axes = plt.subplots(figsize=(6.8, 3.4))
for model, own in rows.groupby("model_type", sort=False):
    own = own.sort_values("horizon_k")
    axes.plot(own["horizon_k"], own["eval_nll"], marker="o", label=model)
axes.set(
    xlabel="horizon (frames)", ylabel="NLL (nats per frame)", title=f"{codec}, n = {int(rows['eval_n'].max())} frames"
)
axes.legend(fontsize=7, ncols=2)
plt.show()
