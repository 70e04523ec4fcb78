"""Looking inside a model: what its layers do with a batch, what is wrong with that in plain words, pictures and reports of training."""
from pydl.inspection.callbacks import LayerWatch
from pydl.inspection.findings import Finding
from pydl.inspection.plots import plot_histograms, plot_history
from pydl.inspection.report import TrainingReport
from pydl.inspection.statistics import Inspection, inspect_model

__all__ = ["Finding", "Inspection", "LayerWatch", "TrainingReport", "inspect_model", "plot_histograms", "plot_history"]
