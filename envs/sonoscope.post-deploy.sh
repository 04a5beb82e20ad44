#!/usr/bin/env bash
# Their pins date from torch 2.1, or ask for packages that need a sound card; see README.md.
set -euo pipefail
python -m pip install --no-deps audiocraft==1.3.0 tinysoundfont==0.3.7
