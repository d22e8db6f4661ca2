"""The server of a model's predictions: the SageMaker container contract, and what this platform adds to it."""
