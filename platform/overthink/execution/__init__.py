"""Where runs execute: on this machine, or on a Ray cluster. An engine knows no networks and no stores."""
