"""Networks as data: each builder returns a model drawn with layers; nothing here computes."""

from pydl.applications.lenet import LeNet5
from pydl.applications.resnet import ResNet20, ResNet50, ResNet101, ResNet152, ResNetCIFAR
from pydl.applications.vgg import VGG16, VGG19

__all__ = ["LeNet5", "ResNet20", "ResNet50", "ResNet101", "ResNet152", "ResNetCIFAR", "VGG16", "VGG19"]
