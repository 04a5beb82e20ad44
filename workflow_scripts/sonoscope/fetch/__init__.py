"""Models from the network: resumable, checked by digest, recorded beside the files."""
