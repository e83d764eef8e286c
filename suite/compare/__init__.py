"""Two sides of the same cells, held against each other: faster, same, slower or unclear, and what
else has changed."""
