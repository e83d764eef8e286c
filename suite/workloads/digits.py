"""A small channel-gated convolutional network on scikit-learn's digits, and what flows in it.

Two residual blocks; in each, the channels of the first convolution are multiplied by gates that a
small head computes from the block's pooled input. In training a gate is a binary concrete sample,
hard forward and relaxed backward; afterwards its activation is the sigmoid of its logit.
Source: Bejnordi, Blankevoort, Welling, "Batch-shaping for learning conditional channel gated
networks", arXiv 1907.06627, section 3. The loss here is cross-entropy plus a light penalty on
the mean gate; the batch-shaping loss is what the suite measures, so it has no part in the training.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

SEED = 190706627
TRAINING_SAMPLES = 1024
GATES, UNITS, UNIT_SAMPLES = 16, 32, 512


@dataclass(frozen=True)
class Settings:
    """Length and strength of the training."""

    epochs: int = 30
    batch: int = 64
    learning_rate: float = 1e-2
    gate_penalty: float = 0.1
    temperature: float = 2 / 3
    seed: int = SEED


class Gate(nn.Module):
    """Gate logits (batch, channels) from a block's input (batch, channels_in, 8, 8)."""

    def __init__(self, channels_in: int, channels: int, hidden: int = 16):
        super().__init__()
        self.head = nn.Sequential(
            nn.Linear(channels_in, hidden),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Linear(hidden, channels),
        )

    def forward(self, x):
        return self.head(x.mean(dim=(2, 3)))


class GatedBlock(nn.Module):
    """x + conv(gate(x) * relu(conv(x))), with batch normalisation."""

    def __init__(self, channels: int, gated: int):
        super().__init__()
        self.gate = Gate(channels, gated)
        self.widen = nn.Conv2d(channels, gated, 3, padding=1, bias=False)
        self.widen_norm = nn.BatchNorm2d(gated)
        self.narrow = nn.Conv2d(gated, channels, 3, padding=1, bias=False)
        self.narrow_norm = nn.BatchNorm2d(channels)

    def forward(self, x, noise, temperature):
        logits = self.gate(x)
        gates = _open(logits, noise, temperature)
        inner = functional.relu(self.widen_norm(self.widen(x))) * gates[:, :, None, None]
        return functional.relu(x + self.narrow_norm(self.narrow(inner))), logits


class GatedNetwork(nn.Module):
    """Stem, two gated blocks, a dense ReLU layer, ten classes."""

    gated = (16, 16)

    def __init__(self, channels: int = 16, units: int = UNITS):
        super().__init__()
        self.stem = nn.Conv2d(1, channels, 3, padding=1)
        self.blocks = nn.ModuleList(GatedBlock(channels, gated) for gated in self.gated)
        self.dense = nn.Linear(channels * 16, units, bias=False)
        self.dense_norm = nn.BatchNorm1d(units)
        self.classes = nn.Linear(units, 10)

    def forward(self, x, noise=None, temperature=1.0):
        """Return class logits, the blocks' gate logits, the dense units' pre-activations."""
        noises = [None] * len(self.blocks) if noise is None else noise.split(self.gated, dim=1)
        x = functional.relu(self.stem(x))
        gate_logits = []
        for block, block_noise in zip(self.blocks, noises, strict=True):
            x, logits = block(x, block_noise, temperature)
            gate_logits.append(logits)
        pooled = functional.avg_pool2d(x, 2).flatten(1)
        preactivations = self.dense_norm(self.dense(pooled))
        classes = self.classes(functional.relu(preactivations))
        return classes, torch.cat(gate_logits, dim=1), preactivations


def _open(logits, noise, temperature):
    """Hard gates whose gradient is the binary concrete's; without noise, the sigmoid itself."""
    if noise is None:
        return torch.sigmoid(logits)
    soft = torch.sigmoid((logits + noise) / temperature)
    return (soft > 0.5).to(soft.dtype) + soft - soft.detach()


def make(settings: Settings | None = None) -> tuple[dict[str, np.ndarray], float]:
    """Train the network; return its tensors and its accuracy on held-out digits.

    The tensors: `gates` and `gate_logits` (16, 1024), the 16 of the 32 gates that vary most over
    the training samples, in the network's order; `preactivations` (32, 512), every dense unit on
    held-out samples. Raises `ImportError` when scikit-learn is missing.
    """
    settings = settings or Settings()
    images, labels = _digits(settings.seed)
    seen, held_out = slice(None, TRAINING_SAMPLES), slice(TRAINING_SAMPLES, None)
    with _reproducible(settings.seed):
        network = _train(images[seen], labels[seen], settings)
        with torch.no_grad():
            _, gate_logits, _ = network(images[seen])
            classes, _, preactivations = network(images[held_out])
    accuracy = (classes.argmax(1) == labels[held_out]).double().mean().item()
    logits = gate_logits.T.numpy().astype(np.float32)
    gates = (1 / (1 + np.exp(-logits.astype(np.float64)))).astype(np.float32)
    chosen = np.sort(np.argsort(gates.std(axis=1))[::-1][:GATES])
    tensors = {
        "gates": gates[chosen],
        "gate_logits": logits[chosen],
        "preactivations": preactivations[:UNIT_SAMPLES].T.numpy().copy(),
    }
    return tensors, accuracy


def _digits(seed: int):
    """Return shuffled images (1797, 1, 8, 8) in [0, 1] and their labels."""
    from sklearn.datasets import load_digits

    data = load_digits()
    order = np.random.Generator(np.random.Philox(seed)).permutation(len(data.target))
    images = torch.tensor(data.images[order] / 16, dtype=torch.float32)[:, None]
    return images, torch.tensor(data.target[order])


def _train(images, labels, settings: Settings) -> GatedNetwork:
    network = GatedNetwork()
    optimizer = torch.optim.AdamW(network.parameters(), settings.learning_rate)
    steps = settings.epochs * -(-len(labels) // settings.batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    network.train()
    for _ in range(settings.epochs):
        for rows in torch.randperm(len(labels)).split(settings.batch):
            noise = torch.logit(torch.rand(len(rows), sum(network.gated)), eps=1e-6)
            classes, gate_logits, _ = network(images[rows], noise, settings.temperature)
            penalty = settings.gate_penalty * torch.sigmoid(gate_logits).mean()
            loss = functional.cross_entropy(classes, labels[rows]) + penalty
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return network.eval()


@contextmanager
def _reproducible(seed: int):
    """One thread, one seed, deterministic kernels; everything as before afterwards."""
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(True)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            torch.use_deterministic_algorithms(strict)
