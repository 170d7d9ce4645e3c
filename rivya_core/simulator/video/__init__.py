"""The clips of a simulated Rivya: real MP4s, rendered once when they are first asked for."""
