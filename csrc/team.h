/* Where the threads of a team run.   A thread that slept may be woken on the CPU of the one that woke it, and some schedulers leave both there while other
   CPUs idle, for as long as one of them waits for the other: after 0.15 s of sleep, a convolution took 1.5 ms on two threads, which takes 0.5 otherwise and
   0.9 on one (Linux 6.18, two CPUs); with two CPUs one thread of Python served 1.87 times as many predictions of ResNet-50 as with one, 1.16 times without
   this (serving.py). */
#ifndef PYDL_TEAM_H
#define PYDL_TEAM_H
#include "pydl.h"

/* The CPU on which this thread, the first of a team of so many, runs; -1 where the system does not say.   Where the team needs every CPU that this thread may
   use and it was moved since the last team, it goes back first: the CPU it is on is another's.   That one is all that is kept, by each thread for itself. */
int pydl_team_cpu(isize threads);

/* Any other thread of the team: if it finds itself on `cpu`, where the first one runs, and there are CPUs enough, it keeps away from it from now on.   Only
   threads of OpenMP's are kept so; what the first one may use does not change. */
void pydl_step_aside(isize threads, int cpu);
#endif
