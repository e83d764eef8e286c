"""cdfbench: is it right, is its gradient any good, how fast is it here.

>>> from suite import load
>>> f = load("soft_cut", "torch_eager")
"""

from suite.registry import implements, load
from suite.rows import as_rows

__version__ = "0.1.0"
__all__ = ["as_rows", "implements", "load"]
