"""Gradient quality: how well a batch's gradient estimates that of the population, and what
descent with it reaches. Runs, their store, and the page made of them."""
