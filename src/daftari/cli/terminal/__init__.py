"""What all commands share: options, output, prompts, progress, signals. No command of its own."""
