"""Text: tokens and their numbers, windows to train on, language models that say how likely a sentence is and write their own."""
from pydl.text.chunks import chunk_scores, chunks  # noqa: F401
from pydl.text.language import generate, log_probability, perplexity, sample_ids  # noqa: F401
from pydl.text.stepwise import Stepwise  # noqa: F401
from pydl.text.tokens import characters, words  # noqa: F401
from pydl.text.vocabulary import Vocabulary  # noqa: F401
from pydl.text.windows import ResetStates, streams, windows  # noqa: F401
