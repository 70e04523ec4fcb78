#ifdef __linux__
#define _GNU_SOURCE
#include <unistd.h>
#else
#define _POSIX_C_SOURCE 200809L
#endif
#include <sched.h>
#if defined(__SSE2__)
#include <immintrin.h>
#endif
#include <time.h>
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

/* Waiting: at first awake (microseconds), then letting others have the CPU at every look (a millisecond or more), then asleep most of the time: who ran that
   long alone does not mind 50 us more.   Awake for 1000 looks, three threads on two CPUs took twice as long. */
enum { AWAKE = 100, WILLING = 5000, NAP_NS = 50000 };

static void wait_a_little(int looks)
{
    if (looks >= WILLING) nanosleep(&(struct timespec){ .tv_nsec = NAP_NS }, NULL);
    else if (looks >= AWAKE) sched_yield();
    else {
#if defined(__SSE2__)
        _mm_pause();
#elif defined(__aarch64__)
        __asm__ volatile("yield");
#endif
    }
}

/* Until *count is `wanted`; what was written before it became so is seen. */
static void wait_for(const unsigned *count, unsigned wanted)
{
    for (int looks = 0; __atomic_load_n(count, __ATOMIC_ACQUIRE) != wanted; looks += looks < WILLING) wait_a_little(looks);
}

static void post(pydl_crew *crew, pydl_team team, const void *data)
{
    crew->team = team;
    crew->data = data;
    crew->cpu = pydl_team_cpu(crew->threads);
    __atomic_store_n(&crew->posted, crew->posted + 1, __ATOMIC_RELEASE);
}

void pydl_crew_run(pydl_crew *crew, pydl_team team, const void *data)
{
    post(crew, team, data);
    team(data, 0, crew->threads);
    wait_for(&crew->done, crew->posted * (unsigned)(crew->threads - 1));
}

void pydl_crew_leave(pydl_crew *crew) { post(crew, NULL, NULL); }

void pydl_crew_stay(pydl_crew *crew, isize thread)
{
    for (unsigned next = 1;; next++) {
        wait_for(&crew->posted, next);
        if (!crew->team) return;
        pydl_step_aside(crew->threads, crew->cpu);
        crew->team(crew->data, thread, crew->threads);
        __atomic_fetch_add(&crew->done, 1, __ATOMIC_RELEASE);
    }
}
