"""Dropout and noise outside training: nothing happens.  With a mask: its formula."""


def nothing(x, **options):
    return x


def masked(x, mask, rate):
    return x * mask / (1 - rate)
