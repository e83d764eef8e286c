"""The fingerprint names the hardware and nothing that changes between boots."""

import dataclasses

from suite.machine import Machine, cores, machine

HERE = Machine("Intel(R) Xeon(R) Processor @ 2.80GHz", 2, 24 << 30, (), "", "Linux 6", "3.11")


def test_the_folder_is_readable_and_follows_the_hardware():
    name = HERE.fingerprint
    assert name.startswith("intel-xeon-2c-")
    assert (
        dataclasses.replace(HERE, python="3.12", system="Linux 7", driver="580").fingerprint == name
    )
    assert dataclasses.replace(HERE, memory=(24 << 30) - (50 << 20)).fingerprint == name
    for other in ({"cores": 4}, {"memory": 64 << 30}, {"gpus": ("NVIDIA H200",)}):
        assert dataclasses.replace(HERE, **other).fingerprint != name
    assert dataclasses.replace(HERE, gpus=("NVIDIA H200",)).fingerprint.startswith("nvidia-h200-")


def test_this_machine_has_a_processor_and_memory():
    here = machine()
    assert here.cores == cores() >= 1
    assert here.memory > 1 << 28
    assert here.fingerprint == machine().fingerprint
