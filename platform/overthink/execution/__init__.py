"""Where runs execute: processes on this machine. An engine moves JSON; it knows nothing of networks or stores."""
