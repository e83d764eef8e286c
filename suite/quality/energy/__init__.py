"""Losses of energies: their gradients to theta against exact ones, what they recover, what they fit."""
