"""What each moment of a launch becomes in the store: runs, and the groups that they belong to."""
