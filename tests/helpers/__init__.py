"""What the tests share: lakes compared, imports run in processes of their own, faults at chosen moments."""
