"""Agreements that are kept: each is to one recipe, whatever file it lies in by now."""

from __future__ import annotations

from ckpt_git.model.agreement import Agreement
from ckpt_git.records import agreements
from ckpt_git.records.state import State


def test_an_agreement_in_anothers_place_is_none(state: State) -> None:
    agreement = Agreement("app", "1" * 32, without_sandbox=True, agreed=1.0)
    agreements.keep(state, agreement)
    assert agreements.find(state, agreement.digest) == agreement
    file = state.path / "trusted" / f"{agreement.digest}.json"
    file.with_name(f"{'2' * 32}.json").write_bytes(file.read_bytes())
    assert agreements.find(state, "2" * 32) is None
    assert agreements.listed(state) == [agreement]
