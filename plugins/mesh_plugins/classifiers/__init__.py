"""What replies and errors mean, and which failures may be retried."""
