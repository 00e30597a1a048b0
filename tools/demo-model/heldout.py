"""The held-out conversations of `train.py heldout` as text, for `mixgate quality --format documents`.

    python3 heldout.py > heldout.jsonl          # 300 conversations; needs no torch
    python3 heldout.py --tokens                 # as `train.py heldout` prints them, to compare

Each line is a document: {"parts": [{"text": …, "isScored": false}, …]}. The parts are what `train.py` tokenizes
apart; the answers, with their </s>, are scored.
"""
import json
import random
import sys
from unittest import mock

for name in ("torch", "torch.nn", "torch.nn.functional"):
    try:
        __import__(name)
    except ImportError:                                       # only the tokenizer is needed
        sys.modules[name] = mock.MagicMock()

import corpus  # noqa: E402
import train  # noqa: E402


def parts_of(text, style):
    """As `train.user_tokens` cuts it."""
    if style == "whole":
        return ["[INST] " + text + " [/INST]"]
    before, after = {"parts": ("[INST] ", " [/INST]"), "tight": ("[INST]", "[/INST]"), "llama2": ("[INST] ", " [/INST] ")}[style]
    return [before, text, after]


def document(conv, rng):
    """As `train.render` does it, drawing the same random numbers."""
    style = rng.choices(["whole", "parts", "tight", "llama2"], [45, 40, 10, 5])[0]
    at = 0 if rng.random() < 0.7 else len(conv["turns"]) - 1
    parts = [("<s>", False)]
    for i, (q, a, _) in enumerate(conv["turns"]):
        if conv["system"] and i == at:
            q = conv["system"] + "\n\n" + q
        parts += [(p, False) for p in parts_of(q, style)] + [(a, True), ("</s>", True)]
    return parts


def main():
    rng = random.Random(990001)
    tok = train.Tokenizer.load("tokenizer.json") if "--tokens" in sys.argv else None
    special = {"<s>": [train.BOS], "</s>": [train.EOS]}
    for _ in range(300):
        parts = document(corpus.conversation(rng, "held"), rng)
        if tok is None:
            print(json.dumps({"parts": [{"text": t, "isScored": s} for t, s in parts]}, ensure_ascii=False, separators=(",", ":")))
        else:
            ids = [(i, s) for t, s in parts for i in special.get(t) or tok.encode(t)]
            print(" ".join("%d:%d" % x for x in ids[:1024]))


if __name__ == "__main__":
    main()
