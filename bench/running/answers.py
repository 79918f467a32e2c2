"""What a worker answers, checked: a guest can write to its line itself, so what comes may be anything JSON can say.

Each function raises `wire.Broken` for an answer that is none.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor

from bench import contract
from bench.running import declared, wire
from bench.running.runner import Facts
from bench.spec import Effort, Weights

_LONGEST = 1e9
"""Seconds that a process may tell: thirty years."""


def facts(answer: Mapping[str, Any], _: bytearray) -> tuple[Facts, ...]:
    """Return what a process says of the methods it loaded, checked: the run becomes the name of a folder."""
    try:
        found = tuple(
            replace(Facts(**each), weights=tuple(Weights(w["file"], w["trained_on"]) for w in each["weights"]))
            for each in answer["layers"]
        )
    except (KeyError, TypeError):
        raise wire.Broken(wire.NO_ANSWER) from None
    texts = [text for each in found for text in (each.name, each.title, each.run, each.remark)]
    texts += [text for each in found for weights in each.weights for text in (weights.file, weights.trained_on)]
    if not found or not all(isinstance(text, str) for text in texts):
        raise wire.Broken(wire.NO_ANSWER)
    if not all(re.fullmatch("[0-9a-f]{16}", each.run) for each in found):
        raise wire.Broken("sent something that is no fingerprint")
    return found


def problems(answer: Mapping[str, Any], _: bytearray) -> list[str]:
    """Return what a process says a method breaks, checked."""
    told = answer.get("problems")
    if not isinstance(told, list) or not all(isinstance(each, str) for each in told):
        raise wire.Broken(wire.NO_ANSWER)
    return told


def seconds(told: object) -> float:
    """Return seconds as a process tells them, checked: an image stored with others would count as damaged."""
    if isinstance(told, bool) or not isinstance(told, int | float) or not 0 <= told <= _LONGEST:
        raise wire.Broken(wire.NO_ANSWER)
    return float(told)


def outcomes(name: str, answer: Mapping[str, Any], content: bytearray, count: int, side: int) -> list[contract.Outcome]:
    """Return the outcomes that a process answered with, checked."""
    told = answer.get("outcomes")
    if not isinstance(told, list) or len(told) != count or not all(isinstance(each, dict) for each in told):
        raise wire.Broken(wire.NO_ANSWER)
    made = sum(each.get("made") is True for each in told)
    images = iter(wire.pictures(content, np.uint8, made, 3, side, side))
    return [_outcome(name, each, next(images) if each.get("made") is True else None) for each in told]


def _outcome(name: str, told: Mapping[str, Any], image: Tensor | None) -> contract.Outcome:
    """Return what a process tells of one image, checked."""
    reason, lasted = told.get("reason"), told.get("seconds")
    if not isinstance(reason, str):
        raise wire.Broken(wire.NO_ANSWER)
    try:
        effort = Effort(**told["effort"])
    except (KeyError, TypeError):
        raise wire.Broken(wire.NO_ANSWER) from None
    unknown = image is None and lasted is None
    return contract.Outcome(image, reason, float("nan") if unknown else seconds(lasted), declared.effort(name, effort))
