"""hearsay: a data-preparation and benchmark pipeline for audio, text and image retrieval."""
