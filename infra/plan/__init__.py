"""What a run is about, on the machine that deploys: which commit, which host, how it went."""
