"""Compile a function to one graph for every combination of shapes and options, without breaks."""

import torch
import torch._dynamo.config

GRAPHS = 256
"""Graphs of one function that Dynamo may keep; at its own limit of 8 a fullgraph call raises."""


def static_graphs(function, options=None):
    """``torch.compile`` of a function, with static shapes; raises instead of breaking the graph.

    options: Inductor's, by name.
    Raises Dynamo's limit of graphs a function for the whole process, since it knows no other.
    """
    config = torch._dynamo.config
    config.recompile_limit = max(config.recompile_limit, GRAPHS)
    config.accumulated_recompile_limit = max(config.accumulated_recompile_limit, 4 * GRAPHS)
    return torch.compile(function, fullgraph=True, dynamic=False, options=options)


def graph_input(number, x):
    """A host scalar as a tensor on x's device, since a number would be compiled into a graph."""
    if number is None or torch.is_tensor(number):
        return number
    return torch.full((), number, dtype=torch.float64, device=x.device)
