"""What a checkpoint is made of while a training goes on: signals, copies, saving, restoring."""
