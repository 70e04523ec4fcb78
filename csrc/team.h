/* Where the threads of a team run.   A thread that slept may be woken on the CPU of the one that woke it, and some schedulers leave both there while other
   CPUs idle, for as long as one of them waits for the other: after 0.15 s of sleep, a convolution took 1.5 ms on two threads, which takes 0.5 otherwise and
   0.9 on one (Linux 6.18, two CPUs); with two CPUs one thread of Python served 1.87 times as many predictions of ResNet-50 as with one, 1.16 times without
   this (serving.py). */
#ifndef PYDL_TEAM_H
#define PYDL_TEAM_H
#include "pydl.h"

/* One thread's part in what `threads` of them do together, or one alone, though others be in the region: `omp for` and `single` are not for it. */
typedef void (*pydl_team)(const void *data, isize thread, isize threads);

/* The CPU on which this thread, the first of a team of so many, runs; -1 where the system does not say.   Where the team needs every CPU that this thread may
   use and it was moved since the last team, it goes back first: the CPU it is on is another's.   That one is all that is kept, by each thread for itself. */
int pydl_team_cpu(isize threads);

/* Any other thread of the team: if it finds itself on `cpu`, where the first one runs, and there are CPUs enough, it keeps away from it from now on.   Only
   threads of OpenMP's are kept so; what the first one may use does not change. */
void pydl_step_aside(isize threads, int cpu);

/* Threads that stay in one parallel region as long as a program runs: a team is posted to them, for which OpenMP would end a region and begin another.
   A team of two with nothing to do took 0.9 us so, and takes 0.2 (Zen 3, a line 50 ns from one CPU to the other).   All zeros at first. */
typedef struct pydl_crew {
    _Alignas(64) unsigned posted;            /* teams so far; with it, in one line, what the others need to know of the latest */
    int cpu;
    pydl_team team;
    const void *data;
    isize threads;
    _Alignas(64) unsigned done;              /* parts that the others have done so far, of all teams together */
} pydl_crew;

/* The first thread: does its part in a team of them all, and waits for the others. */
void pydl_crew_run(pydl_crew *crew, pydl_team team, const void *data);

/* The first thread lets the others go. */
void pydl_crew_leave(pydl_crew *crew);

/* Any other thread: does its part in every team, until it may go. */
void pydl_crew_stay(pydl_crew *crew, isize thread);
#endif
