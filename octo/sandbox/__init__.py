"""Running untrusted model output, inside an ordinary restricted pod."""
