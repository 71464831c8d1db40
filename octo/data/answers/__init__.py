"""Final answers: one reader of what people and models write, and what makes two of them equal."""
