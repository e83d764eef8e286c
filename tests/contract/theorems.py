"""The theorems of all operators."""

import batch_shaping_theorems
import ecdf_theorems
import energy_theorems
import occupancy_entropy_theorems
import soft_cut_theorems
import soft_histogram_theorems

THEOREMS = (
    *batch_shaping_theorems.THEOREMS,
    *ecdf_theorems.THEOREMS,
    *energy_theorems.THEOREMS,
    *occupancy_entropy_theorems.THEOREMS,
    *soft_cut_theorems.THEOREMS,
    *soft_histogram_theorems.THEOREMS,
)
