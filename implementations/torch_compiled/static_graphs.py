"""Compile a function to one graph for every combination of shapes and options, without breaks."""

import torch
import torch._dynamo.config

GRAPHS = 256
"""Graphs of one function that Dynamo may keep; at its own limit of 8 a fullgraph call raises."""


def static_graphs(function):
    """``torch.compile`` of a function, with static shapes; raises instead of breaking the graph.

    Raises Dynamo's limit of graphs a function for the whole process, since it knows no other.
    """
    config = torch._dynamo.config
    config.recompile_limit = max(config.recompile_limit, GRAPHS)
    config.accumulated_recompile_limit = max(config.accumulated_recompile_limit, 4 * GRAPHS)
    return torch.compile(function, fullgraph=True, dynamic=False)
