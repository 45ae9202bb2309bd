"""What several of Finagle's protocols carry alike."""
