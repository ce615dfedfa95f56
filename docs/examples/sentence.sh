entropist trace "It was the best of times, it was the worst of times."
