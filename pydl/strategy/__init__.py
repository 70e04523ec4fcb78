"""What to try next: hyperparameter search, diagnosis of bias and variance, error analysis."""
from pydl.strategy.diagnosis import Diagnosis, bias_variance, choose
from pydl.strategy.error_analysis import ErrorAnalysis
from pydl.strategy.result import SearchResult, TrialResult
from pydl.strategy.search import Trial, grid_search, random_search, successive_halving
from pydl.strategy.space import Choice, Integer, Linear, Log, Range, ReverseLog, Space

__all__ = ["Choice", "Diagnosis", "ErrorAnalysis", "Integer", "Linear", "Log", "Range", "ReverseLog", "SearchResult", "Space", "Trial", "TrialResult",
           "bias_variance", "choose", "grid_search", "random_search", "successive_halving"]
