"""What many continuations of one prompt say: their entropy, their modes, where they fork."""
