#ifdef __linux__
#define _GNU_SOURCE
#include <sched.h>
#include <unistd.h>
#endif
#include "team.h"

#ifdef __linux__
int pydl_team_cpu(isize threads)
{
    static _Thread_local int home = -1;
    const int cpu = sched_getcpu();
    cpu_set_t allowed, one;
    if (cpu == home) return cpu;
    if (home >= 0 && sched_getaffinity(0, sizeof allowed, &allowed) == 0 && CPU_COUNT(&allowed) == threads && CPU_ISSET((size_t)home, &allowed)) {
        CPU_ZERO(&one);
        CPU_SET((size_t)home, &one);
        if (sched_setaffinity(0, sizeof one, &one) == 0 && sched_setaffinity(0, sizeof allowed, &allowed) == 0) return home;
    }
    return home = cpu;
}

void pydl_step_aside(isize threads, int cpu)
{
    cpu_set_t allowed;
    if (cpu < 0 || sched_getcpu() != cpu || sched_getaffinity(getpid(), sizeof allowed, &allowed) != 0 || CPU_COUNT(&allowed) < threads) return;
    CPU_CLR((size_t)cpu, &allowed);
    sched_setaffinity(0, sizeof allowed, &allowed);
}
#else
int pydl_team_cpu(isize threads)
{
    (void)threads;
    return -1;
}
void pydl_step_aside(isize threads, int cpu) { (void)threads, (void)cpu; }
#endif
