"""What a job left out, and why: nothing is dropped without a line."""

from sonoscope.contracts.tables import Column, Table

SKIPPED = Table(
    "skipped items",
    {
        "item": Column("string", "what was left out"),
        "reason": Column("string", "why, in words"),
        "file": Column("string", "the file that it came from", nullable=True),
    },
    description="Items that a job could not or should not use.",
)
