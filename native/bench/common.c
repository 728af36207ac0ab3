// Time, errors, sockets and the meter: see common.h.
#define _GNU_SOURCE
#include "common.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

uint64_t nanoseconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

double now(void) { return (double)nanoseconds() / 1e9; }

void fail(const char *what) {
  if (errno) printf("{\"error\":\"%s: %s\"}\n", what, strerror(errno));
  else printf("{\"error\":\"%s\"}\n", what);
  exit(1);
}

void end_with_parent(void) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGPIPE, SIG_IGN);
}

void raise_file_limit(void) {
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files)) return;
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}

struct sockaddr_in address_of(const char *text, const char *port) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
  errno = 0;
  if (inet_pton(AF_INET, text, &a.sin_addr) != 1) fail("no IPv4 address");
  return a;
}

int tcp_socket(int flags) {
  int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
  struct timeval limit = {10, 0};
  if (fd < 0) return -1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, CONGESTION, strlen(CONGESTION));
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  return fd;
}

int tcp_connect(const struct sockaddr_in *to) {
  int fd = tcp_socket(0);
  if (fd < 0) return -1;
  if (connect(fd, (const struct sockaddr *)to, sizeof *to) == 0) return fd;
  int error = errno;
  close(fd);
  errno = error;
  return -1;
}

const char *congestion_of(int fd) {
  static char name[32];
  socklen_t length = sizeof name - 1;
  if (getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &length)) return "unknown";
  return name;
}

// utime and stime of /proc/PID/stat, in ticks.
static double ticks_of(long pid) {
  char path[64], text[1024];
  unsigned long user = 0, system = 0;
  snprintf(path, sizeof path, "/proc/%ld/stat", pid);
  FILE *file = fopen(path, "r");
  if (!file) return 0;
  size_t n = fread(text, 1, sizeof text - 1, file);
  fclose(file);
  text[n] = 0;
  char *behind = strrchr(text, ')');
  if (!behind || sscanf(behind + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2) return 0;
  return (double)(user + system);
}

void meter_read(struct meter *meter) {
  double hertz = (double)sysconf(_SC_CLK_TCK);
  unsigned long long user = 0, nice = 0, system = 0, idle, wait, irq = 0, soft = 0;
  memset(meter, 0, sizeof *meter);
  meter->ours = ticks_of(getpid()) / hertz;
  for (const char *at = getenv("BENCH_PIDS"); at && *at;) {
    char *end;
    long pid = strtol(at, &end, 10);
    if (end == at) break;
    meter->ours += ticks_of(pid) / hertz;
    at = *end ? end + 1 : end;
  }
  FILE *file = fopen("/proc/stat", "r");
  if (file) {
    if (fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system, &idle, &wait, &irq, &soft) == 7) {
      meter->tasks = (double)(user + nice + system) / hertz;
      meter->busy = meter->tasks + (double)(irq + soft) / hertz;
    }
    fclose(file);
  }
  meter->at = now();
}

void meter_print(const struct meter *from, const struct meter *to, double seconds) {
  double machine = (to->at - from->at) * (double)sysconf(_SC_NPROCESSORS_ONLN);
  double others = (to->tasks - from->tasks) - (to->ours - from->ours);
  // A tick each way is no finding.
  if (others < 0.03) others = 0;
  printf("\"seconds\":%.6f,\"busy\":%.3f,\"others\":%.3f,", seconds, to->busy - from->busy, machine > 0 ? others / machine : 0);
}

static int ascending(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

void latencies_print(uint64_t *values, size_t count) {
  double sum = 0;
  if (count == 0) return;
  qsort(values, count, sizeof *values, ascending);
  for (size_t i = 0; i < count; i++) sum += (double)values[i];
  printf("\"p50\":%.2f,\"p99\":%.2f,\"mean\":%.2f,", (double)values[count / 2] / 1e3,
         (double)values[count - 1 - count / 100] / 1e3, sum / (double)count / 1e3);
}
