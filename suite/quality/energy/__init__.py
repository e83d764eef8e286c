"""Losses of energies: their gradients to theta, the precision they recover, the laws they fit."""
