"""Every stored run in one frame, over commits: a table, figures, and the points where a cell
changed."""
