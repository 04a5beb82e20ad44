"""Settings of the workflow: one frozen pydantic model per section, no torch."""
