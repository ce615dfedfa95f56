"""The built-in models as data: what is built, on how much, at which rates."""

from dataclasses import dataclass

from transformers import LlamaConfig


@dataclass(frozen=True)
class Recipe:
    """A Llama-architecture decoder with tied embeddings, and its training."""

    name: str
    vocabulary: int
    context: int
    hidden: int
    layers: int
    heads: int
    intermediate: int
    batch: int  # windows a step
    tokens: int  # seen in all
    muon_rate: float = 6e-3
    adam_rate: float = 3e-3
    warmup: int = 200  # steps
    decay: float = 0.4  # the last part of training, over which the rate falls to zero
    seed: int = 20261121

    @property
    def steps(self) -> int:
        return self.tokens // (self.batch * self.context)

    def rate(self, step: int) -> float:
        """Warm-up, plateau, linear decay to zero: a factor on both learning rates."""
        left = (self.steps - step) / (self.decay * self.steps)
        return min(1.0, (step + 1) / self.warmup, left)

    def config(self, bos: int, end_of_text: int) -> LlamaConfig:
        return LlamaConfig(
            vocab_size=self.vocabulary,
            hidden_size=self.hidden,
            intermediate_size=self.intermediate,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            num_key_value_heads=self.heads,
            max_position_embeddings=self.context,
            tie_word_embeddings=True,
            bos_token_id=bos,
            eos_token_id=end_of_text,
            use_cache=False,
        )


RECIPES = {
    "base": Recipe(
        name="base", vocabulary=4096, context=512, hidden=256, layers=4, heads=4, intermediate=768,
        batch=8, tokens=25_600_000,
    ),
    "bytes": Recipe(
        name="bytes", vocabulary=266, context=1024, hidden=192, layers=4, heads=3, intermediate=512,
        batch=8, tokens=13_700_000,
    ),
    "student": Recipe(
        name="student", vocabulary=4096, context=512, hidden=128, layers=4, heads=2, intermediate=384,
        batch=8, tokens=2_662_400, decay=0.22,
    ),
}  # fmt: skip
