"""Files damaged, saving killed, disks filled, by chance and by seed: `make stress`."""
