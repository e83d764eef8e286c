"""The doctor names each missing thing once, and what it would unlock."""

import dataclasses

from suite import doctor, registry


def test_of_several_packages_only_the_missing_one_is_missing(monkeypatch):
    (cut,) = (d for d in registry.discover() if (d.operator, d.name) == ("soft_cut", "jax_xla"))
    kernel = dataclasses.replace(
        cut, name="cuda_jax", module="implementations.cuda.jax", devices=("cuda",),
        requires=("json.decoder", "nowhere.core"),
    )  # fmt: skip
    monkeypatch.setattr(registry, "discover", lambda: (cut, kernel))
    found = {finding.what: finding for finding in doctor._required()}
    assert found["json.decoder"].state == "ok"
    assert found["nowhere.core"].state == "missing"
    assert "cuda_jax (soft_cut on a GPU)" in found["nowhere.core"].detail
    assert "cdfbench[cuda]" in found["nowhere.core"].detail
    assert doctor._no_gpu().detail.endswith(
        "unlock cuda_jax, unavailable elsewhere, and jax_xla on it"
    )
