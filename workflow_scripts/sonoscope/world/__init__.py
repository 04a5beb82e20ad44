"""How well a MusicGen learned the known world, by what is heard in its clips."""
