"""The report: one offline site per run, made from stored results alone."""
