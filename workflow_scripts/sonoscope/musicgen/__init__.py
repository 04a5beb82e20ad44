"""MusicGen behind one interface, whatever its size and backend."""
