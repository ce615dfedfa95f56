entropist generate "The lighthouse keeper" --max-tokens 24 --sampler "min_p=0.1,temperature=0.8" --seed 4 --explain
