"""How long runs will take, and how much room: timed steps on this machine, earlier runs, and the order of the runs."""
