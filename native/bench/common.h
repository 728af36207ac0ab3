// What the programs of `pagewire bench` share: time, errors, sockets with the congestion control of the benchmark, and the
// meter of processor time. Each program prints one object of JSON on one line; what goes wrong is its member "error".
#ifndef PAGEWIRE_BENCH_COMMON_H
#define PAGEWIRE_BENCH_COMMON_H
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#define CONGESTION "cubic"
#define MEMORY (1 << 20)

// Seconds of CLOCK_MONOTONIC; nanoseconds of the same.
double now(void);
uint64_t nanoseconds(void);

// Prints {"error": ...} with errno's text, unless errno is 0, and exits with 1.
void fail(const char *what) __attribute__((noreturn));

// Ends with the process that started it, also when that is killed.
void end_with_parent(void);

// As many open files as this process may have.
void raise_file_limit(void);

struct sockaddr_in address_of(const char *text, const char *port);

// A TCP socket with TCP_NODELAY, cubic and limits of 10 s on waiting; `flags` as SOCK_NONBLOCK. -1 on error.
int tcp_socket(int flags);
int tcp_connect(const struct sockaddr_in *to);
// What a socket uses: "cubic", where the kernel has it.
const char *congestion_of(int fd);

// Processor time since boot: of the machine, of what is no interrupt, of our own processes (BENCH_PIDS and this one). Seconds.
struct meter {
  double at, busy, tasks, ours;
};
void meter_read(struct meter *meter);
// Prints "seconds", "busy", "others" (share of the machine, 0 to 1): members that are followed by others.
void meter_print(const struct meter *from, const struct meter *to, double seconds);

// Sorts nanoseconds and prints "p50", "p99", "mean" in microseconds.
void latencies_print(uint64_t *values, size_t count);

int bulk_main(int receiving, const struct sockaddr_in *to, double seconds, int flows);
int round_trip_main(const struct sockaddr_in *to, double seconds, int server);
int ping_main(const struct sockaddr_in *to, double seconds);
int http_main(const struct sockaddr_in *to, double seconds, int connections);
int open_close_main(const struct sockaddr_in *to, double seconds, int inflight);
int idle_main(const struct sockaddr_in *to, int count, const char *first_source);
#endif
