"""PyTorch's door to Costate."""
