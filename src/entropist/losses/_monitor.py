"""What training does to a model's predictions on a fixed text: entropy, surprisal, and KL to a reference, at every log.

A loss says how well the batch went; these are of the same probe tokens every time, so that two steps can be compared.
They go into the trainer's log (nats a token) and, with histograms of surprisal, into `history`.
"""

from typing import Any

import torch
from transformers import TrainerCallback

from entropist.errors import InputError
from entropist.losses._probe import Probe, probed


class TrainingMonitor(TrainerCallback):  # type: ignore[misc]
    """A callback for `Trainer` and TRL's trainers that reads a fixed probe whenever the trainer logs, and at the start.

    probe: token ids (sequences, tokens), 2 tokens or more a sequence; reference: a causal model over the same
    vocabulary, such as the one training began from, or None. The log, printed and in `state.log_history`, gets
    probe_entropy, probe_surprisal and, with a reference, probe_kl_policy_reference and probe_kl_reference_policy;
    `history` gets a `Probe` for each. One forward pass of the probe, two with a reference, is what a log costs.

    Trainer calls its reporters, such as TensorBoard's, before the callbacks that it was given. For them to see the
    probe, put it in front: `trainer.callback_handler.callbacks.insert(0, monitor)` instead of `callbacks=[monitor]`.
    """

    def __init__(self, probe: torch.Tensor, reference: torch.nn.Module | None = None) -> None:
        if not isinstance(probe, torch.Tensor) or probe.is_floating_point() or probe.ndim != 2 or probe.shape[1] < 2:
            raise InputError("probe must be token ids (sequences, tokens) with 2 tokens or more a sequence.")
        self.probe, self.reference = probe, reference
        self.history: list[Probe] = []

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        """Measure the model as it is before the first step."""
        self._measure(model, state.global_step)

    def on_log(
        self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, model: Any = None, **kwargs: Any
    ) -> None:
        """Measure, and add the means to the log that is being written and to its row of `state.log_history`."""
        if not self.history or self.history[-1].step != state.global_step:
            self._measure(model, state.global_step)
        names = ("surprisal", "entropy", "kl_policy_reference", "kl_reference_policy")
        values = {f"probe_{name}": getattr(self.history[-1], name) for name in names}
        found = {name: value for name, value in values.items() if value is not None}
        for row in (logs, *state.log_history[-1:]):
            if row is not None:
                row.update(found)

    def _measure(self, model: Any, step: int) -> None:
        was_training = model.training
        model.eval()
        try:
            self.history.append(probed(model, self.probe, self.reference, step))
        finally:
            model.train(was_training)
