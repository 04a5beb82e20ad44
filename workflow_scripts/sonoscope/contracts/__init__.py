"""File contracts: one declared schema per kind of file, checked on write and on read."""

from sonoscope.contracts.scalars import read_json, write_json
from sonoscope.contracts.tables import Column, Table
from sonoscope.contracts.tensors import Tensor, Tensors

__all__ = ["Column", "Table", "Tensor", "Tensors", "read_json", "write_json"]
