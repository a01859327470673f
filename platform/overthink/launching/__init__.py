"""What a call has to do, and doing it: runs and groups in the store while workers train."""
