"""Models: Sequential and functional ones, their training and their files."""
from pydl.models.functional import Functional  # noqa: F401
from pydl.models.model import Model  # noqa: F401
from pydl.models.saving import clone_model, load_model, load_weights, model_from_json, save_model, save_weights  # noqa: F401
from pydl.models.sequential import Sequential  # noqa: F401
