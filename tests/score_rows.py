"""A row of the table of documents made by hand: four bytes a token, two tokens a word, nothing but what is scored."""


def row(index, tokens, nats, entropy, *, size=None, group=None, top1=0, blocks=None, name=None):
    size = 4 * tokens if size is None else size
    cells = {
        "index": index, "id": name or f"d{index}", "group": group, "bytes": size, "scored_bytes": size,
        "context_bytes": 0, "dropped_bytes": 0, "tokens": tokens, "scored_tokens": tokens, "context_tokens": 0,
        "dropped_tokens": 0, "words": tokens // 2, "split_words": tokens // 2, "lossless": True, "surprisal": nats,
        "entropy": entropy, "varentropy": 0.0, "top1": top1, "seen": 0,
        "rank_histogram": [top1, *[0] * 16, tokens - top1],
        "recipe_nats": nats, "recipe_tokens": tokens,
    }  # fmt: skip
    for key in ("tokens", "bytes", "surprisal", "entropy", "top1"):
        cells[f"block_{key}"] = None if blocks is None else blocks[key]
    return cells
