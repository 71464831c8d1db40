"""What models can do on problems that they were not trained on."""
