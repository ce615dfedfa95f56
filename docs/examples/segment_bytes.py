"""Bytes cut where the next one is hard to foresee: a file at once, a stream as it comes, entropies of your own."""

from pathlib import Path

from entropist.segmentation import Segmenter, boundaries, segment

data = Path("lighthouse.txt").read_bytes()
found = segment(data, mean_size=4.5)
pieces = found.pieces(data)
print(b" | ".join(pieces[:12]).decode())
print(f"threshold {found.threshold:.4f} nats, {len(found.starts)} segments")
for each in found.statistics:
    print(f"{each.kind:<10}  {each.mean_size:5.2f} bytes  {each.entropy_at_starts:.0%} of the entropy at starts")

segmenter = Segmenter(threshold=found.threshold)
stream = [segment for begin in range(0, len(data), 100) for segment in segmenter.feed(data[begin : begin + 100])]
stream += segmenter.finish()
print("as a stream the same:", stream == pieces)

print(boundaries([3.0, 0.5, 0.2, 2.0, 2.5, 0.1], threshold=1.3, rule="monotonic"))
